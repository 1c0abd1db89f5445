"""Many sign-ins at once while parts are killed: none with less than two factors, nothing counts twice."""

from __future__ import annotations

import base64
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests import backends
from tests.blows.crowd import gathered
from tests.saml.sp import Sp
from tests.walks.applications import Python3Saml
from tests.walks.server import Server

_LONG = bool(os.environ.get("COUNTERSIGN_LONG"))
_COUNT, _SECONDS = (200, 400) if _LONG else (8, 120)
_CASES = [(backends.SQLITE, ("web worker", "job worker"))]
if _LONG:
    _CASES += [
        (backends.SQLITE, ()),
        (backends.POSTGRES, ()),
        (backends.POSTGRES, ("web worker", "job worker", "redis", "postgresql")),
    ]


@dataclass
class Site:
    """A server with two workers and one for jobs, on a database and a state of its own."""

    server: Server
    blows: dict[str, Callable[[], None]]


@contextmanager
def site(folder: Path, backend: str) -> Iterator[Site]:
    """Run it; it must end well, whatever was done to it."""
    shared, blows = {}, {}
    if backend == backends.POSTGRES:
        postgres, redis = backends.Postgres(), backends.RedisServer()
        shared = {"IDP_DATABASE_URL": postgres.create("blows"), "IDP_STATE_URL": redis.url()}
        blows = {"redis": lambda: _again(redis), "postgresql": lambda: _again(postgres)}
    key = base64.b64encode(b"k" * 32).decode()
    server = Server(folder, IDP_TRUSTED_PROXIES="127.0.0.1", IDP_MASTER_KEY=key, **shared)
    server.start()
    children = _children(server)
    blows["web worker"] = lambda: os.kill(children[0], signal.SIGKILL)
    blows["job worker"] = lambda: os.kill(children[-1], signal.SIGKILL)
    try:
        yield Site(server, blows)
    finally:
        code = server.stop()
        if backend == backends.POSTGRES:
            redis.stop()
            postgres.stop()
    assert code == 0
    _, found, story = server.log().partition("Traceback")
    assert not found, story[:8000]


def _again(part: backends.Postgres | backends.RedisServer) -> None:
    part.kill()
    part.start()


def _children(server: Server) -> list[int]:
    """Return the workers' ids; the jobs' is the last, because it is started last."""
    listed = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    end, found = time.monotonic() + 20, list[int]()
    while len(found) < 3:
        assert time.monotonic() < end, "not all workers were started"
        time.sleep(0.05)
        found = sorted(int(pid) for pid in listed.read_text().split())
    return found


@pytest.mark.parametrize(
    ("kept_in", "kills"), _CASES, ids=[f"{kept_in}-{len(kills)}-killed" for kept_in, kills in _CASES]
)
def test_a_crowd_comes_through(tmp_path: Path, kept_in: str, kills: tuple[str, ...]) -> None:
    with site(tmp_path / "var", kept_in) as running, gathered(running.server, _COUNT) as crowd:
        ours, sp = running.server.get("/saml/metadata")[2].decode(), Sp(rsa.generate_private_key(65537, 2048))
        for number, member in enumerate(crowd.members):
            member.saml = Python3Saml(ours, sp, signs=False) if number // 2 % 2 else None
        (tmp_path / "metadata.xml").write_bytes(Python3Saml(ours, sp, signs=False).metadata())
        running.server.idp("partner", "import", str(tmp_path / "metadata.xml"))
        running.server.settle()
        crowd.sign_in([running.blows[kill] for kill in kills], seconds=_SECONDS)
        crowd.came_through()
        if _LONG:
            crowd.texts_are_settled()
        assert max(crowd.phones.times().values()) <= (2 if kills else 1)
        crowd.nothing_works_again()
