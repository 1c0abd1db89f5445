"""Start what an installation keeps its data in: nothing for SQLite, else a PostgreSQL and a Redis."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
import redis

from tests.backends import POSTGRES, SQLITE, Postgres, RedisServer

KINDS = (SQLITE, POSTGRES)
_DATABASE = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Where data is kept: as the settings name it, and the first process of each program for it."""

    name: str
    database: str = ""
    state: str = ""
    programs: tuple[int, ...] = ()


@contextmanager
def running(kind: str) -> Iterator[Backend]:
    """Run the programs of one kind until the block ends."""
    if kind == SQLITE:
        yield Backend(name=f"SQLite {sqlite3.sqlite_version}")
        return
    with ExitStack() as stack:
        # Every commit reaches the disk, as SQLite's do.
        postgres, state = Postgres(durable=True), RedisServer()
        for program in (postgres, state):
            stack.callback(program.stop)
        url = postgres.create(_DATABASE)
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            version = connection.info.parameter_status("server_version") or ""
        told = redis.Redis.from_url(state.url()).info()["redis_version"]
        yield Backend(
            name=f"PostgreSQL {version.split(' ')[0]} and Redis {told}",
            database=url,
            state=state.url(),
            programs=(postgres.pid, state.pid),
        )
