"""Put calls into the outbox; the worker has a carrier make them."""

from __future__ import annotations

from datetime import datetime

from idp.channels.outgoing import Outgoing, put
from idp.core.ids import new_id
from idp.core.ports import Clock
from idp.jobs import Outbox
from idp.store import Unit

KIND = "call"
PATH = "/channels/calls"


class Calls:
    """Makes calls, once the unit of work that wants them made is durable."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock

    def place(
        self, unit: Unit, *, number: str, extension: str, secret: str, expires_at: datetime, person: str
    ) -> None:
        """Call a number (E.164), and its extension if there is one; not after expires_at.

        What is said is fetched from an address that ends in the secret.
        """
        to = f"{number};ext={extension}" if extension else number
        outgoing = Outgoing(to=to, text="", expires_at=expires_at, person=person, secret=secret)
        put(unit, self._outbox, outgoing, kind=KIND, key=new_id(), at=self._clock.now())
