"""Put text messages into the outbox; the worker hands them to a carrier."""

from __future__ import annotations

from datetime import datetime

from idp.jobs import Outbox
from idp.store import Unit

KIND = "text"


class Texts:
    """Sends text messages, once the unit of work that wants them sent is durable."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def send(
        self, unit: Unit, *, number: str, text: str, key: str, expires_at: datetime, person: str = ""
    ) -> None:
        """Send a text to a number (E.164), at most once for a key; never after expires_at.

        person is the id of whom it is meant for, for the record.
        """
        payload = {"number": number, "text": text, "person": person, "expires_at": expires_at.isoformat()}
        self._outbox.put(unit, kind=KIND, idempotency_key=f"{KIND}:{key}", payload=payload)
