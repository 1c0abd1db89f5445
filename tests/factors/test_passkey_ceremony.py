"""Bytes that a browser sends: whatever they are, they are refused or mean what was signed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from idp.core.browsers import browser_of
from idp.core.errors import Refused
from idp.core.model import Person
from idp.factors.passkey import PasskeySettings, cbor, ceremony
from idp.factors.passkey.settings import Site, site_of
from tests.passkeys import ORIGIN, SoftKey, decoded, encoded

SITE = Site(name="login.example.org", origins=(ORIGIN,))
ADA = Person(id="i-ada", source="local", source_key="1", name="ada", display_name="Ada Lovelace")
CREATION = ceremony.creation(SITE, service="Countersign", person=ADA, known=())
REQUEST = ceremony.request(SITE, known=(), verify=True)
KEY = SoftKey()
MADE = KEY.make(CREATION)
SHOWN = KEY.show(REQUEST)
COSE = ceremony.made(MADE, options=CREATION, site=SITE).key

JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just([]) | st.just({"a": 1})
EDITS = st.lists(
    st.tuples(
        st.integers(0, 2000), st.binary(min_size=0, max_size=4), st.sampled_from(("put", "over", "cut"))
    ),
    min_size=1,
    max_size=3,
)


def edited(data: bytes, edits: list[tuple[int, bytes, str]]) -> bytes:
    for at, new, way in edits:
        place = at % (len(data) + 1)
        data = (
            data[:place] + (b"" if way == "cut" else new) + data[place + (0 if way == "put" else len(new)) :]
        )
    return data


@contextmanager
def refused() -> Iterator[None]:
    """Let a refusal pass, if it says what all of them say."""
    try:
        yield
    except Refused as error:
        if error.public != ceremony.WRONG:
            raise


def check_made(text: str) -> ceremony.Made | None:
    with refused():
        return ceremony.made(text, options=CREATION, site=SITE)
    return None


def check_shown(text: str) -> ceremony.Shown | None:
    with refused():
        credential = ceremony.read(text)
        ceremony.whose(credential)
        return ceremony.shown(credential, key=COSE, options=REQUEST, site=SITE)
    return None


def test_the_genuine_ones_are_taken() -> None:
    made, shown = check_made(MADE), check_shown(SHOWN)
    assert made is not None
    assert made.verified
    assert shown == ceremony.Shown(count=1, verified=True, device="one")


@given(st.sampled_from(("authenticatorData", "clientDataJSON", "signature", "userHandle")), EDITS)
def test_row_60_changed_bytes_of_what_was_signed_are_refused(part: str, edits: Any) -> None:
    said = json.loads(SHOWN)
    before = decoded(said["response"][part])
    after = edited(before, edits)
    said["response"][part] = encoded(after)
    shown = check_shown(json.dumps(said))
    if after != before and part != "userHandle":
        # ECDSA signatures have encodings of their own; nothing else may differ and count.
        assert shown is None or part == "signature"


@given(st.sampled_from(("attestationObject", "clientDataJSON")), EDITS)
def test_changed_bytes_of_a_new_passkey_break_nothing(part: str, edits: Any) -> None:
    said = json.loads(MADE)
    said["response"][part] = encoded(edited(decoded(said["response"][part]), edits))
    check_made(json.dumps(said))


@given(st.dictionaries(st.sampled_from(("fmt", "attStmt", "authData", "x")), JUNK | st.binary(max_size=80)))
def test_any_statement_breaks_nothing(statement: Any) -> None:
    whole = cbor2.loads(decoded(json.loads(MADE)["response"]["attestationObject"]))
    said = json.loads(MADE)
    said["response"]["attestationObject"] = encoded(cbor2.dumps({**whole, **statement}))
    check_made(json.dumps(said))


@given(st.sampled_from(("packed", "tpm", "android-key", "android-safetynet", "apple", "fido-u2f")), st.data())
def test_a_statement_of_any_maker_is_recorded_and_not_read(fmt: str, data: st.DataObject) -> None:
    members = st.sampled_from(("alg", "sig", "x5c", "ver", "certInfo", "pubArea", "response", "attStmt"))
    values = JUNK | st.binary(max_size=60) | st.lists(st.binary(max_size=60), max_size=2)
    whole = cbor2.loads(decoded(json.loads(MADE)["response"]["attestationObject"]))
    said, statement = json.loads(MADE), data.draw(st.dictionaries(members, values))
    changed = cbor2.dumps({**whole, "fmt": fmt, "attStmt": statement})
    said["response"]["attestationObject"] = encoded(changed)
    made = check_made(json.dumps(said))
    assert made is None or made.data["attestation"] == fmt


@given(st.sampled_from(("id", "rawId", "type", "response", "clientExtensionResults")), JUNK)
def test_members_of_any_kind_break_nothing(member: str, junk: Any) -> None:
    for text, check in ((MADE, check_made), (SHOWN, check_shown)):
        check(json.dumps({**json.loads(text), member: junk}))


@given(st.sampled_from(("clientDataJSON", "authenticatorData", "signature", "transports")), JUNK)
def test_members_of_the_response_of_any_kind_break_nothing(member: str, junk: Any) -> None:
    for text, check in ((MADE, check_made), (SHOWN, check_shown)):
        said = json.loads(text)
        said["response"][member] = junk
        check(json.dumps(said))


@given(st.text(max_size=200))
def test_any_text_breaks_nothing(text: str) -> None:
    assert check_made(text) is None
    assert check_shown(text) is None


def test_two_challenges_are_never_the_same() -> None:
    assert len({ceremony.request(SITE, known=(), verify=True) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("base", "name", "origin"),
    [
        ("https://login.example.org", "login.example.org", "https://login.example.org"),
        ("https://LOGIN.example.org:8443/", "login.example.org", "https://login.example.org:8443"),
        ("https://login.example.org:443", "login.example.org", "https://login.example.org"),
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
        ("http://login.example.org", None, None),
        ("http://127.0.0.1:8000", None, None),
        ("https://192.0.2.7", None, None),
        ("https://[2001:db8::1]", None, None),
    ],
)
def test_browsers_want_a_name_and_https(base: str, name: str | None, origin: str | None) -> None:
    site = site_of(base, PasskeySettings())
    assert (site and site.name, site and site.origins[0]) == (name, origin)


def test_a_domain_and_origins_that_an_administrator_named() -> None:
    settings = PasskeySettings(name="example.org", origins=("https://login.example.de",))
    site = site_of("https://login.example.org", settings)
    assert site == Site(name="example.org", origins=("https://login.example.org", "https://login.example.de"))


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1", "iPhone"),
        ("Mozilla/5.0 (Linux; Android 16; Pixel 10) Chrome/150.0", "Android"),
        ("Mozilla/5.0 (X11; CrOS x86_64) Chrome/150.0", "Chromebook"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/150.0", "Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15", "Mac"),
        ("curl/8", ""),
    ],
)
def test_a_new_one_is_called_after_what_the_browser_runs_on(agent: str, name: str) -> None:
    assert browser_of(agent).system == name


# What a library would unfold ------------------------------------------------------------------
def is_ours(check: Callable[[bytes], object], data: bytes) -> bool:
    try:
        check(data)
    except ValueError:
        return False
    return True


def bomb(levels: int) -> bytes:
    """Return CBOR of a few hundred bytes whose shared values stand for two to the levels."""
    inner = b"\xd8\x1c\x81\x00"
    for number in range(levels):
        inner = b"\xd8\x1c\x82" + inner + b"\xd8\x1d" + cbor2.dumps(number)
    return inner


HOSTILE_CBOR = {
    "shared values": bomb(30),
    "a tag": b"\xc1\x00",
    "no length": b"\x9f\x01\xff",
    "bytes of no length": b"\x5f\x41\x00\xff",
    "a promise of many": b"\x9b" + b"\xff" * 8,
    "a promise of many pairs": b"\xbb" + b"\xff" * 8,
    "a promise of bytes": b"\x5b" + b"\xff" * 8,
    "deep": b"\x81" * 200 + b"\x00",
    "a number with a point": b"\xfb" + b"\x00" * 8,
    "undefined": b"\xf7",
    "nothing": b"",
    "reserved": b"\x1c",
}


@pytest.mark.parametrize("hostile", HOSTILE_CBOR.values(), ids=HOSTILE_CBOR)
def test_cbor_that_no_authenticator_writes_is_not_read(hostile: bytes) -> None:
    said = json.loads(SHOWN)
    data = decoded(said["response"]["authenticatorData"])
    extended = data[:32] + bytes([data[32] | 0x80]) + data[33:] + hostile
    said["response"]["authenticatorData"] = encoded(extended)
    assert check_shown(json.dumps(said)) is None
    assert not is_ours(cbor.check_asserted, extended)
    for place in ("attStmt", "authData"):
        whole = cbor2.loads(decoded(json.loads(MADE)["response"]["attestationObject"]))
        made = cbor2.dumps({name: value for name, value in whole.items() if name != place})
        made = bytes([made[0] + 1]) + made[1:] + cbor2.dumps(place) + hostile
        assert not is_ours(cbor.without_statement, made)


@given(st.binary(max_size=200))
def test_any_bytes_are_cbor_of_ours_or_not(data: bytes) -> None:
    for check in (cbor.check_asserted, cbor.without_statement):
        is_ours(check, data)


def test_what_authenticators_do_write_is_read() -> None:
    said = json.loads(SHOWN)
    data = decoded(said["response"]["authenticatorData"])
    extended = data[:32] + bytes([data[32] | 0x80]) + data[33:] + cbor2.dumps({"hmac-secret": b"x" * 48})
    cbor.check_asserted(extended)
    whole = cbor2.loads(decoded(json.loads(MADE)["response"]["attestationObject"]))
    packed = {"alg": -7, "sig": b"s" * 70, "x5c": [b"c" * 700, b"c" * 700]}
    assert cbor.without_statement(cbor2.dumps({**whole, "fmt": "packed", "attStmt": packed}))[1] == "packed"


def test_the_frame_of_another_site_is_refused() -> None:
    for text, check in ((MADE, check_made), (SHOWN, check_shown)):
        said = json.loads(text)
        client = json.loads(decoded(said["response"]["clientDataJSON"]))
        said["response"]["clientDataJSON"] = encoded(json.dumps({**client, "crossOrigin": True}).encode())
        assert check(json.dumps(said)) is None


def test_keys_that_are_too_short_are_not_kept() -> None:
    for size, taken in ((1024, False), (2048, True)):
        numbers = rsa.generate_private_key(public_exponent=65537, key_size=size).public_key().public_numbers()
        modulus = numbers.n.to_bytes(size // 8, "big")
        cose = cbor2.dumps({1: 3, 3: -257, -1: modulus, -2: numbers.e.to_bytes(3, "big")})
        key = SoftKey()
        said = json.loads(key.make(CREATION))
        whole = cbor2.loads(decoded(said["response"]["attestationObject"]))
        whole["authData"] = whole["authData"][:55] + key.id + cose
        said["response"]["attestationObject"] = encoded(cbor2.dumps(whole))
        assert (check_made(json.dumps(said)) is not None) is taken
