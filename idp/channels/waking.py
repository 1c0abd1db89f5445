"""Wake the phone app by the browser's push service (Web Push: RFC 8030, 8291, 8292).

A message says nothing but "look": the app then asks for itself. So a push service learns who is
asked when, and nothing else, and whoever can send one can do no more than wake a phone.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from urllib.parse import urlsplit

import http_ece
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.dialects import postgresql, sqlite

from idp.core import codec
from idp.core.errors import Refused
from idp.core.ids import new_id
from idp.core.ports import Clock
from idp.jobs import Message, Outbox, Outcome
from idp.keys import Sealer, VapidKey
from idp.net import Blocked, Bounds, HttpClient, Unanswered
from idp.store import Store, Unit
from idp.store.schema import push_subscriptions

KIND = "push"
_PURPOSE = "push-subscription"
_LONGEST_ENDPOINT = 1024
_POINT, _SECRET = 65, 16  # bytes (RFC 8291 section 3.1 and 3.2)
_GONE = frozenset({404, 410})  # RFC 8030 section 7.3
_BUSY = frozenset({408, 425, 429})
_MOST_UNANSWERED = 2
_LOOK = json.dumps({"look": True}).encode()
_BOUNDS = Bounds(seconds=3, size=64 * 1024)

_ROW = push_subscriptions.c
_GET = sa.select(_ROW.sealed).where(_ROW.device == sa.bindparam("which"))
_DROP = sa.delete(push_subscriptions).where(_ROW.device == sa.bindparam("which"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where a browser takes messages: endpoint is a secret address, key and auth are bytes in base64url."""

    endpoint: str = field(repr=False)
    key: str = field(repr=False)
    auth: str = field(repr=False)

    def check(self) -> None:
        """Raise Refused unless it is one that can be written to."""
        if len(self.endpoint) > _LONGEST_ENDPOINT or not self.endpoint.startswith(("https://", "http://")):
            raise Refused("That is no address of a push service.")
        try:
            urlsplit(self.endpoint)
            point, secret = _bytes(self.key), _bytes(self.auth)
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError as error:
            raise Refused("That is no address and key for push messages.") from error
        if len(point) != _POINT or len(secret) != _SECRET:
            raise Refused("That is no key for push messages.")


class Subscriptions:
    """The subscription of each phone, sealed: its address is all that it takes to send."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def put(self, unit: Unit, device: str, subscription: Subscription, *, at: datetime) -> None:
        """Keep a phone's subscription in place of an earlier one. Raises Refused."""
        subscription.check()
        data = codec.dump(subscription).encode()
        sealed = self._sealer.seal(data, purpose=_PURPOSE, context=device)
        row = {"device": device, "sealed": sealed, "made_at": at}
        unit.execute(_upsert(unit.connection.dialect.name), row)

    def get(self, connection: sa.Connection, device: str) -> Subscription | None:
        """Return a phone's subscription."""
        sealed = connection.execute(_GET, {"which": device}).scalar()
        if sealed is None:
            return None
        data = self._sealer.open(sealed, purpose=_PURPOSE, context=device)
        return codec.load(Subscription, data.decode())

    @staticmethod
    def drop(unit: Unit, device: str) -> None:
        """Forget a phone's subscription."""
        unit.execute(_DROP, {"which": device})


class Wakes:
    """Puts messages to phones into the outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def send(self, unit: Unit, device: str, *, expires_at: datetime) -> None:
        """Wake a phone, once the unit is durable; never after expires_at."""
        payload = {"device": device, "expires_at": expires_at.isoformat()}
        self._outbox.put(unit, kind=KIND, idempotency_key=f"{KIND}:{new_id()}", payload=payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waking:
    """Handles the messages: encrypts for the browser, and posts to its push service.

    contact gives the address at which the push service reaches the operator.
    """

    store: Store
    clock: Clock
    subscriptions: Subscriptions
    vapid: VapidKey
    http: HttpClient
    contact: Callable[[], str]

    def __call__(self, message: Message) -> Outcome:
        """Try once. What is over, or has nobody to go to, is done."""
        device, expires_at = message.payload["device"], datetime.fromisoformat(message.payload["expires_at"])
        left = int((expires_at - self.clock.now()).total_seconds())
        with self.store.read() as connection:
            subscription = self.subscriptions.get(connection, device)
        if subscription is None or left <= 0:
            return Outcome()
        try:
            answer = self.http.post(
                subscription.endpoint,
                encrypted(_LOOK, subscription),
                headers=self._headers(subscription, left),
                bounds=_BOUNDS,
            )
        except Blocked:
            return Outcome(error="blocked", note=lambda unit: self.subscriptions.drop(unit, device))
        except Unanswered:
            # Whoever owns the phone names the address: one that never answers costs little.
            return Outcome(error="unanswered", again=message.tries < _MOST_UNANSWERED)
        if answer.status in _GONE:
            return Outcome(error="gone", note=lambda unit: self.subscriptions.drop(unit, device))
        if 200 <= answer.status < 300:
            return Outcome()
        again = answer.status >= 500 or answer.status in _BUSY
        return Outcome(error=f"status {answer.status}", again=again)

    def _headers(self, subscription: Subscription, left: int) -> dict[str, str]:
        now = self.clock.now()
        return {
            "Authorization": self.vapid.authorization(subscription.endpoint, contact=self.contact(), at=now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(left),
            "Urgency": "high",
            # A newer one takes the place of one that still waits for the phone (RFC 8030 5.4).
            "Topic": "look",
        }


@cache
def _upsert(dialect: str) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    made = insert(push_subscriptions)
    replaced = {"sealed": made.excluded.sealed, "made_at": made.excluded.made_at}
    return made.on_conflict_do_update(index_elements=[_ROW.device], set_=replaced)


def encrypted(text: bytes, subscription: Subscription) -> bytes:
    """Return a message that only the browser can read (RFC 8291, aes128gcm)."""
    body: bytes = http_ece.encrypt(
        text,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=_bytes(subscription.key),
        auth_secret=_bytes(subscription.auth),
        version="aes128gcm",
    )
    return body


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
