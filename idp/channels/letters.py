"""Put mail into the outbox; the worker hands it to a carrier."""

from __future__ import annotations

from idp.jobs import Outbox
from idp.store import Unit

KIND = "mail"


class Mail:
    """Sends mail, once the unit of work that wants it sent is durable."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def send(self, unit: Unit, *, to: str, subject: str, text: str, key: str, person: str = "") -> None:
        """Send plain text to an address, at most once for a key; tried for some hours.

        person is the id of whom it is meant for, for the record.
        """
        payload = {"to": to, "subject": subject, "text": text, "person": person}
        self._outbox.put(unit, kind=KIND, idempotency_key=f"{KIND}:{key}", payload=payload)
