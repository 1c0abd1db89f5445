"""Put text messages into the outbox; the worker hands them to a carrier."""

from __future__ import annotations

from datetime import datetime

from idp.channels.outgoing import Outgoing, put
from idp.core.ports import Clock
from idp.jobs import Outbox
from idp.store import Unit

KIND = "text"


class Texts:
    """Sends text messages, once the unit of work that wants them sent is durable."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock

    def send(
        self,
        unit: Unit,
        *,
        number: str,
        text: str,
        key: str,
        expires_at: datetime,
        person: str = "",
        carrier: str = "",
    ) -> str:
        """Send a text to a number (E.164), at most once for a key; never after expires_at.

        person is the id of whom it is meant for, for the record; carrier names the only one that
        may take it. Return the id of the delivery, "" when one was sent for this key before.
        """
        outgoing = Outgoing(to=number, text=text, expires_at=expires_at, person=person, carrier=carrier)
        return put(unit, self._outbox, outgoing, kind=KIND, key=key, at=self._clock.now())
