"""Put mail into the outbox; the worker hands it to a carrier."""

from __future__ import annotations

from datetime import timedelta

from idp.channels.outgoing import Outgoing, put
from idp.core.ports import Clock
from idp.jobs import Outbox
from idp.store import Unit

KIND = "mail"
_LIFETIME = timedelta(days=1)


class Mail:
    """Sends mail, once the unit of work that wants it sent is durable."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock

    def send(
        self,
        unit: Unit,
        *,
        to: str,
        subject: str,
        text: str,
        key: str,
        person: str = "",
        carrier: str = "",
    ) -> str:
        """Send plain text to an address, at most once for a key; tried for some hours.

        person is the id of whom it is meant for, for the record; carrier names the only one that
        may take it. Return the id of the delivery, "" when one was sent for this key before.
        """
        now = self._clock.now()
        outgoing = Outgoing(
            to=to, subject=subject, text=text, expires_at=now + _LIFETIME, person=person, carrier=carrier
        )
        return put(unit, self._outbox, outgoing, kind=KIND, key=key, at=now)
