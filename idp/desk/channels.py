"""What may be done to carriers: set up, order, try, remove; and what became of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from idp.audit import AuditLog, Entry, Event
from idp.channels import Mail, Texts, deliveries
from idp.channels.carriers import Carriers, SetUp
from idp.channels.deliveries import Delivery
from idp.channels.smtp import usable
from idp.core.errors import Refused
from idp.core.ids import new_id
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.people import found
from idp.desk.rights import need_owner
from idp.directory.people import People
from idp.store import Store, Unit

_TEST_LIFETIME = timedelta(minutes=5)
_TEST_TEXT = "A test of the way to you. Nothing needs to be done."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDesk:
    """The desk's verbs for carriers of texts and mail, each named as the operator named it."""

    store: Store
    clock: Clock
    people: People
    carriers: Carriers
    texts: Texts
    mail: Mail
    audit: AuditLog

    def save(self, new: SetUp, secret: str, *, actor: Actor) -> bool:
        """Set a carrier up, or anew in its place, with its secret; return whether there was one.

        Raises Refused.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            known = self.carriers.save(unit, new, secret, actor=actor, at=self.clock.now())
            self._record(unit, Event.CARRIER_SAVED, {"carrier": new.name}, actor)
        return known

    def listing(self, *, actor: Actor) -> tuple[SetUp, ...]:
        """Return the carriers, in the order in which they are tried."""
        need_owner(actor)
        with self.store.read() as connection:
            return self.carriers.listing(connection)

    def show(self, name: str, *, actor: Actor) -> SetUp:
        """Return one carrier. Raises Refused."""
        need_owner(actor)
        with self.store.read() as connection:
            return self.carriers.named(connection, name)

    def remove(self, name: str, *, actor: Actor) -> SetUp:
        """Forget a carrier and its secret. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            removed = self.carriers.remove(unit, name, actor=actor, at=self.clock.now())
            self._record(unit, Event.CARRIER_REMOVED, {"carrier": name}, actor)
        return removed

    def reorder(self, names: Sequence[str], *, actor: Actor) -> None:
        """Have carriers tried in this order. Raises Refused unless each is named once."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            self.carriers.reorder(unit, names, actor=actor, at=self.clock.now())
            self._record(unit, Event.CARRIERS_ORDERED, {"order": list(names)}, actor)

    def test(self, name: str, to: str, *, actor: Actor) -> str:
        """Have the worker send a test by this carrier alone; return the delivery's id. Raises Refused.

        By the worker, since that is the process whose way to the carrier has to work.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            kind = self.carriers.named(unit.connection, name).kind
            if kind == "call":
                raise Refused(
                    "A carrier of calls is tried by a sign-in: give somebody a phone to be called on."
                )
            delivery = self._send_mail(unit, name, to) if kind == "mail" else self._send_text(unit, name, to)
            detail = {"carrier": name, "delivery": delivery}
            self._record(unit, Event.CARRIER_TESTED, detail, actor)
        return delivery

    def delivery(self, delivery: str, *, actor: Actor) -> Delivery:
        """Return what became of a message. Raises Refused when there is no record of it (any more)."""
        need_owner(actor)
        with self.store.read() as connection:
            known = deliveries.one(connection, delivery)
        if known is None:
            raise Refused("There is no message with that id.")
        return known

    def deliveries(self, *, person: str = "", limit: int = 100, actor: Actor) -> Sequence[Delivery]:
        """Return the newest messages, of a person (user name) or of all. Raises Refused."""
        need_owner(actor)
        with self.store.read() as connection:
            wanted = found(self.people, connection, person).id if person else ""
            return deliveries.recent(connection, person=wanted, limit=limit)

    def _send_text(self, unit: Unit, name: str, to: str) -> str:
        number = "".join(letter for letter in to if letter not in " -().")
        if not (
            number.startswith("+") and number[1:].isascii() and number[1:].isdigit() and len(number) < 17
        ):
            raise Refused("A number is written like +14255550123.")
        ends = self.clock.now() + _TEST_LIFETIME
        return self.texts.send(
            unit, number=number, text=_TEST_TEXT, key=new_id(), expires_at=ends, carrier=name
        )

    def _send_mail(self, unit: Unit, name: str, to: str) -> str:
        if not usable(to):
            raise Refused("A mail address is written like ada@example.org.")
        return self.mail.send(unit, to=to, subject="Test", text=_TEST_TEXT, key=new_id(), carrier=name)

    def _record(self, unit: Unit, event: Event, detail: Mapping[str, Any], actor: Actor) -> None:
        self.audit.record(unit, Entry(event=event, detail=detail, actor=f"{actor.kind}:{actor.id}"))
