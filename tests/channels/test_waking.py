"""Web Push: what the browser reads, what the push service is told, and what becomes of dead addresses."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from idp.channels.waking import KIND, Subscription, Subscriptions, Wakes, Waking, encrypted
from idp.core.errors import Refused
from idp.jobs import Message, Outbox
from idp.keys import MasterKey, Sealer, VapidKey
from idp.net import HttpClient, Reach
from idp.store import Store
from tests.clock import TestClock
from tests.net.servers import says, serving

# The example of RFC 8291, section 5.
EXAMPLE = {
    "private": "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "text": b"When I grow up, I want to be a watermelon",
    "body": (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    ),
}


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


class BrowserKeys:
    """The keys of a browser's subscription, and how it reads a message, step by step."""

    def __init__(self, private: str = "", auth: str = "") -> None:
        number = int.from_bytes(decoded(private), "big") if private else 0
        curve = ec.SECP256R1()
        self.private = ec.derive_private_key(number, curve) if number else ec.generate_private_key(curve)
        self.auth = decoded(auth) if auth else b"sixteen bytes!!!"

    def subscription(self, endpoint: str) -> Subscription:
        public = point(self.private.public_key())
        return Subscription(endpoint=endpoint, key=encoded(public), auth=encoded(self.auth))

    def read(self, body: bytes) -> bytes:
        salt, size = body[:16], body[20]
        sender, sealed = body[21 : 21 + size], body[21 + size :]
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.private.exchange(ec.ECDH(), theirs)
        info = b"WebPush: info\0" + point(self.private.public_key()) + sender
        secret = _derived(self.auth, shared, info, 32)
        key = _derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derived(salt, secret, b"Content-Encoding: nonce\0", 12)
        return AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0").removesuffix(b"\x02")


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    extracted = hmac.digest(salt, secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")[:length]


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(MasterKey(b"k" * 32))


@pytest.fixture
def vapid(store: Store, sealer: Sealer, clock: TestClock) -> VapidKey:
    key = VapidKey(store, sealer)
    with store.write() as unit:
        key.ensure(unit, at=clock.now())
        key.ensure(unit, at=clock.now())
    return key


@pytest.fixture
def waking(store: Store, sealer: Sealer, clock: TestClock, vapid: VapidKey) -> Waking:
    return Waking(
        store=store,
        clock=clock,
        subscriptions=Subscriptions(sealer),
        vapid=vapid,
        http=HttpClient(Reach(loopback=True)),
        contact=lambda: "https://login.example.org",
    )


def message(waking: Waking, *, lasts: float = 90) -> Message:
    """Put a message into the outbox as the factor does, and take it as the worker does."""
    outbox = Outbox(waking.store, Sealer(MasterKey(b"k" * 32)), waking.clock)
    with waking.store.write() as unit:
        Wakes(outbox).send(unit, "phone", expires_at=waking.clock.now() + timedelta(seconds=lasts))
    leased = outbox.lease([KIND])
    assert leased is not None
    return outbox.open(leased)


def subscribe(waking: Waking, endpoint: str) -> BrowserKeys:
    keys = BrowserKeys()
    with waking.store.write() as unit:
        waking.subscriptions.put(unit, "phone", keys.subscription(endpoint), at=waking.clock.now())
    return keys


def subscribed(waking: Waking) -> bool:
    with waking.store.read() as connection:
        return waking.subscriptions.get(connection, "phone") is not None


def test_a_browser_reads_what_the_example_says_and_what_we_write() -> None:
    example = BrowserKeys(str(EXAMPLE["private"]), str(EXAMPLE["auth"]))
    assert example.read(decoded(str(EXAMPLE["body"]))) == EXAMPLE["text"]
    keys = BrowserKeys()
    body = encrypted(b"look", keys.subscription("https://push.example/1"))
    assert keys.read(body) == b"look"
    assert body != encrypted(b"look", keys.subscription("https://push.example/1")), "a key for each"


def test_a_push_service_is_told_who_sends_and_for_how_long(waking: Waking, vapid: VapidKey) -> None:
    with serving(says(status="201 Created")) as service:
        keys = subscribe(waking, f"http://127.0.0.1:{service.port}/send/abc")
        outcome = waking(message(waking, lasts=90))
    assert outcome.error == ""
    head, _, body = service.requests[0].partition(b"\r\n\r\n")
    told = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert head.startswith(b"POST /send/abc ")
    assert told["Content-Encoding"] == "aes128gcm"
    assert told["TTL"] == "90"
    assert told["Urgency"] == "high"
    assert told["Topic"] == "look"
    assert json.loads(keys.read(body)) == {"look": True}, "nothing else is in it"
    token, _, public = told["Authorization"].removeprefix("vapid t=").partition(", k=")
    assert public == vapid.public()
    claims = _verified(token, public)
    assert claims["aud"] == f"http://127.0.0.1:{service.port}"
    assert claims["sub"] == "https://login.example.org"
    assert 0 < claims["exp"] - waking.clock.now().timestamp() <= 24 * 3600


def _verified(token: str, public: str) -> dict[str, object]:
    signing_input, _, signature = token.rpartition(".")
    raw = decoded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(public))
    key.verify(der, signing_input.encode(), ec.ECDSA(hashes.SHA256()))
    claims: dict[str, object] = json.loads(decoded(signing_input.split(".")[1]))
    return claims


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_an_address_that_is_gone_is_forgotten(waking: Waking, status: str) -> None:
    with serving(says(status=status)) as service:
        subscribe(waking, f"http://127.0.0.1:{service.port}/x")
        outcome = waking(message(waking))
    assert (outcome.error, outcome.again) == ("gone", False)
    assert outcome.note is not None
    with waking.store.write() as unit:
        outcome.note(unit)
    assert not subscribed(waking)
    assert waking(message(waking)).error == "", "nobody to go to"


@pytest.mark.parametrize(
    ("status", "again"),
    [("500 Oops", True), ("429 Slow down", True), ("403 No", False), ("413 Large", False)],
)
def test_a_service_in_trouble_is_asked_again(waking: Waking, status: str, *, again: bool) -> None:
    with serving(says(status=status)) as service:
        subscribe(waking, f"http://127.0.0.1:{service.port}/x")
        outcome = waking(message(waking))
    assert (outcome.error, outcome.again) == (f"status {status[:3]}", again)
    assert subscribed(waking)


def test_what_is_over_wakes_nobody(waking: Waking, clock: TestClock) -> None:
    subscribe(waking, "http://127.0.0.1:9/x")
    sent = message(waking, lasts=10)
    clock.advance(seconds=10)
    assert waking(sent).error == ""


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:9/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://10.0.0.1/x",
        "http://push.example/x",
        "https://push.example:22/x",
    ],
)
def test_row_42_nobody_has_us_go_where_only_we_can(waking: Waking, endpoint: str) -> None:
    guarded = Waking(
        store=waking.store,
        clock=waking.clock,
        subscriptions=waking.subscriptions,
        vapid=waking.vapid,
        http=HttpClient(Reach(), resolver=lambda *_: ["127.0.0.1"]),
        contact=waking.contact,
    )
    subscribe(waking, endpoint)
    outcome = guarded(message(waking))
    assert (outcome.error, outcome.again) == ("blocked", False)
    assert outcome.note is not None
    with waking.store.write() as unit:
        outcome.note(unit)
    assert not subscribed(waking)


def test_a_subscription_is_sealed_and_bound_to_its_phone(waking: Waking, store: Store) -> None:
    subscribe(waking, "https://push.example/secret-address")
    with store.read() as connection:
        raw = bytes(connection.exec_driver_sql("SELECT sealed FROM push_subscriptions").scalar_one())
        assert b"push.example" not in raw
    with store.write() as unit:
        unit.connection.exec_driver_sql("UPDATE push_subscriptions SET device = 'other'")
    with store.read() as connection, pytest.raises(Refused):
        waking.subscriptions.get(connection, "other")
