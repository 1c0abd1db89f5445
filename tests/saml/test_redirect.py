"""Redirect signatures: valid ones as other languages write them are accepted, all others refused."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.core.errors import BadMessage
from tests.saml.house import House
from tests.saml.sp import Sp, authn_request, lower_hex, percent_space, query

STATE = "https://sp.example/deep link?a=1&b=ü+~*!'()"


@pytest.fixture
def strict(house: House, key: rsa.RSAPrivateKey) -> House:
    house.add(Sp(key, requests_signed=True))
    return house


@pytest.mark.parametrize(
    "escape",
    [quote_plus, percent_space, lower_hex, quote, lambda text: quote(text, safe="/:@?!*()'~")],
    ids=[
        "Java and Python: + for space",
        "Node: %20",
        ".NET and AD FS: lower case",
        "slashes as they are",
        "little",
    ],
)
def test_case_15_every_languages_escaping_is_accepted(
    strict: House, key: rsa.RSAPrivateKey, escape: Callable[[str], str]
) -> None:
    raw = query(authn_request(strict.clock.now()), key=key, relay_state=STATE, escape=escape)
    assert strict.inbound.by_redirect(raw).request.echo["relay_state"] == STATE


def test_case_15_an_empty_relay_state_is_accepted(strict: House, key: rsa.RSAPrivateKey) -> None:
    raw = query(authn_request(strict.clock.now()), key=key, relay_state="")
    assert "&RelayState=&" in raw
    assert strict.inbound.by_redirect(raw).request.echo["relay_state"] == ""


def test_case_15_parameters_may_come_in_any_order_beside_others(
    strict: House, key: rsa.RSAPrivateKey
) -> None:
    raw = query(authn_request(strict.clock.now()), key=key, relay_state=STATE)
    turned = "&".join(["utm_source=mail", *reversed(raw.split("&")), "x"])
    assert strict.inbound.by_redirect(turned).request.echo["relay_state"] == STATE


def test_case_15_the_encoding_may_be_named(strict: House, key: rsa.RSAPrivateKey) -> None:
    raw = query(authn_request(strict.clock.now()), key=key)
    named = (
        raw + "&SAMLEncoding=" + quote("urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE", safe="")
    )
    assert strict.inbound.by_redirect(named).request
    with pytest.raises(BadMessage):
        strict.inbound.by_redirect(raw + "&SAMLEncoding=urn:x")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("RelayState=a", "RelayState=b"),
        ("&RelayState=a", ""),
        ("&RelayState=a", "&RelayState="),
        ("RelayState=a", "RelayState=%61"),  # the same text in other octets
        ("SAMLRequest=", "SAMLRequest=A"),
        ("&Signature=", "&Signature=A"),
    ],
)
def test_what_was_changed_after_signing_is_refused(
    strict: House, key: rsa.RSAPrivateKey, before: str, after: str
) -> None:
    raw = query(authn_request(strict.clock.now()), key=key, relay_state="a")
    assert before in raw
    with pytest.raises(BadMessage):
        strict.inbound.by_redirect(raw.replace(before, after))


def test_a_relay_state_added_to_a_signed_query_is_refused(strict: House, key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(BadMessage):
        strict.inbound.by_redirect(query(authn_request(strict.clock.now()), key=key) + "&RelayState=evil")
