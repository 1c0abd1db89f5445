"""Bytes that a browser sends: whatever they are, they are refused or mean what was signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import Refused
from idp.core.model import Person
from idp.factors.passkey import PasskeySettings, ceremony
from idp.factors.passkey.factor import device_of
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
    assert shown == ceremony.Shown(count=1, verified=True)


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
def test_a_statement_of_any_maker_that_says_nothing_true_is_refused(fmt: str, data: st.DataObject) -> None:
    members = st.sampled_from(("alg", "sig", "x5c", "ver", "certInfo", "pubArea", "response", "attStmt"))
    values = JUNK | st.binary(max_size=60) | st.lists(st.binary(max_size=60), max_size=2)
    whole = cbor2.loads(decoded(json.loads(MADE)["response"]["attestationObject"]))
    said, statement = json.loads(MADE), data.draw(st.dictionaries(members, values))
    changed = cbor2.dumps({**whole, "fmt": fmt, "attStmt": statement})
    said["response"]["attestationObject"] = encoded(changed)
    assert check_made(json.dumps(said)) is None


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
        ("curl/8", "Passkey"),
    ],
)
def test_a_new_one_is_called_after_the_device(agent: str, name: str) -> None:
    assert device_of(agent) == name
