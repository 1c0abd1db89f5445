"""The desk's nouns on an empty database, an owner, and somebody without rights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import pytest

from idp.app.desk import Desk, build_desk
from idp.audit import AuditLog
from idp.core.model import Actor
from idp.directory.hashing import Cost
from idp.keys import Issuers, MasterKey, Sealer
from idp.net import HttpClient, Reach
from tests.desk.site import OWNER, Site, served

__all__ = ["NOBODY", "OWNER"]

NOBODY = Actor(kind="person", id="i-nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedDesk(Desk):
    """The desk, and the lines it logged."""

    log: list[str]


@pytest.fixture
def desk(store, clock) -> WatchedDesk:
    log: list[str] = []
    with store.write() as unit:
        Issuers(store).ensure(unit, "https://login.example.org", clock.now())
    built = build_desk(
        store=store,
        clock=clock,
        sealer=Sealer(MasterKey(b"k" * 32)),
        audit=AuditLog(clock, log.append),
        http=HttpClient(Reach(loopback=True)),
        cost=Cost(memory=8, passes=1),
    )
    return WatchedDesk(log=log, **{noun.name: getattr(built, noun.name) for noun in fields(Desk)})


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as site:
        yield site
