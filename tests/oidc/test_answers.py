"""One encoder for every answer: state byte by byte, iss always, nothing else lost or added."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.oidc.answers import encode, with_query
from tests.oidc.samples import ISSUER, REQUEST

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


@given(_TEXT, _TEXT)
def test_check_10_state_comes_back_byte_by_byte(state: str, code: str) -> None:
    request = replace(REQUEST, echo={"state": state})
    reply = encode(request, ISSUER, {"code": code})
    assert reply.fields is None
    parts = urlsplit(reply.address)
    assert reply.address.isascii()
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == REQUEST.reply_to
    assert parse_qsl(parts.query, keep_blank_values=True) == [
        ("code", code),
        ("state", state),
        ("iss", ISSUER.oidc),
    ]


def test_check_10_no_state_in_means_none_out() -> None:
    assert "state" not in encode(REQUEST, ISSUER, {"code": "c"}).address


@given(_TEXT)
def test_check_12_form_post_says_the_same(state: str) -> None:
    request = replace(REQUEST, echo={"state": state, "mode": "form_post"})
    reply = encode(request, ISSUER, {"error": "access_denied"})
    assert reply.address == REQUEST.reply_to
    assert reply.fields == {"error": "access_denied", "state": state, "iss": ISSUER.oidc}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://a.example/cb", "https://a.example/cb?x=1"),
        ("https://a.example", "https://a.example?x=1"),
        ("https://a.example/cb?tenant=2", "https://a.example/cb?tenant=2&x=1"),
        ("https://a.example/cb?", "https://a.example/cb?x=1"),
        ("com.example.app:/cb", "com.example.app:/cb?x=1"),
    ],
)
def test_the_query_an_address_has_is_kept(address: str, expected: str) -> None:
    assert with_query(address, {"x": "1"}) == expected
    assert with_query(address, {}) == address
