"""Channels on an empty database: what goes in, carriers, and the worker's side of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp.audit import AuditLog
from idp.channels import Mail, Texts, deliveries
from idp.channels.carriers import Carriers, SetUp
from idp.channels.handing import HandingOver
from idp.core.model import Actor
from idp.jobs import Outbox, Outcome
from idp.keys import Issuers
from idp.store import Store, schema
from tests.clock import TestClock
from tests.jobs.conftest import SEALER

ADMIN = Actor(kind="cli", id="root")
NUMBER = "+14255550123"
CODE = "Your code is 471193"
SECRET = "s3cret-of-the-gateway"
BASE = "https://login.example.org"


@dataclass
class Office:
    """What sends, and what is recorded of it."""

    store: Store
    clock: TestClock
    outbox: Outbox
    carriers: Carriers
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.audit = AuditLog(self.clock, self.log.append)
        self.handlers = {
            "text": self._handler("text", at_most=2),
            "mail": self._handler("mail", at_most=12),
        }

    def _handler(self, kind: str, *, at_most: int) -> HandingOver:
        return HandingOver(
            kind,
            at_most=at_most,
            carriers=self.carriers,
            audit=self.audit,
            clock=self.clock,
            receipts=lambda: f"{BASE}/channels/receipts",
        )

    def add(self, *new: SetUp, secret: str = "") -> None:
        with self.store.write() as unit:
            for one in new:
                self.carriers.save(unit, one, secret, actor=ADMIN, at=self.clock.now())

    def text(self, *, to: str = NUMBER, key: str = "k", minutes: float = 5, **more: str) -> str:
        ends = self.clock.now() + timedelta(minutes=minutes)
        with self.store.write() as unit:
            return Texts(self.outbox, self.clock).send(
                unit, number=to, text=CODE, key=key, expires_at=ends, person="i-ada", **more
            )

    def mail(self, to: str = "ada@example.org", subject: str = "Hello", text: str = "World") -> str:
        with self.store.write() as unit:
            return Mail(self.outbox, self.clock).send(unit, to=to, subject=subject, text=text, key="k")

    def step(self, kind: str = "text") -> Outcome | None:
        """Do what the worker does once; None when nothing is due."""
        leased = self.outbox.lease([kind])
        if leased is None:
            return None
        outcome = self.handlers[kind](self.outbox.open(leased))
        self.outbox.settle(leased, outcome)
        return outcome

    def delivery(self, which: str) -> deliveries.Delivery:
        with self.store.read() as connection:
            found = deliveries.one(connection, which)
        assert found is not None
        return found

    def events(self) -> list[sa.RowMapping]:
        with self.store.read() as connection:
            return list(connection.execute(sa.select(schema.audit).order_by(schema.audit.c.id)).mappings())


@pytest.fixture
def office(store, clock) -> Office:
    with store.write() as unit:
        Issuers(store).ensure(unit, BASE, clock.now())
    return Office(store, clock, Outbox(store, SEALER, clock), Carriers(store, SEALER))


Add = Callable[..., None]
