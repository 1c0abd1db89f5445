"""What a room wants sent: it goes into the outbox sealed, and its way is recorded from there on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from idp.channels import deliveries
from idp.core.codec import build, plain
from idp.core.ids import new_id, new_secret
from idp.jobs import Message, Outbox
from idp.store import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to a number (E.164) or a mail address, not to be sent after expires_at.

    person is the id of whom it is meant for, "" for nobody of ours; carrier names the only one
    that may take it. delivery is the id of its record, secret what the address for reports about
    it is known by.
    """

    to: str = field(repr=False)
    subject: str = field(default="", repr=False)
    text: str = field(repr=False)
    expires_at: datetime
    person: str = ""
    carrier: str = ""
    delivery: str = field(default_factory=new_id)
    secret: str = field(default_factory=new_secret, repr=False)


def put(unit: Unit, outbox: Outbox, outgoing: Outgoing, *, kind: str, key: str, at: datetime) -> str:
    """Put a message into the outbox; return its delivery's id, "" when one has gone in for this key."""
    if not outbox.put(unit, kind=kind, idempotency_key=f"{kind}:{key}", payload=plain(outgoing)):
        return ""
    deliveries.begin(
        unit,
        delivery=outgoing.delivery,
        secret=outgoing.secret,
        kind=kind,
        person=outgoing.person,
        masked=deliveries.masked(outgoing.to),
        at=at,
    )
    return outgoing.delivery


def read(message: Message) -> Outgoing:
    """Return what was put into the outbox."""
    return build(Outgoing, message.payload)
