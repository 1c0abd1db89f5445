"""Each binding takes its own encoding, strictly, and never more than the limit."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import BadMessage
from idp.signedxml import MESSAGE_LIMIT, decode_post, decode_redirect


def _deflated(data: bytes, wbits: int = -15) -> bytes:
    deflater = zlib.compressobj(wbits=wbits)
    return deflater.compress(data) + deflater.flush()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@given(st.binary(max_size=2000))
def test_redirect_round_trip(data: bytes) -> None:
    assert decode_redirect(_text(_deflated(data))) == data


@given(st.binary(max_size=2000))
def test_post_round_trip(data: bytes) -> None:
    assert decode_post(_text(data)) == data
    assert decode_post(base64.encodebytes(data).decode()) == data


@given(st.text(max_size=200))
def test_any_text_is_decoded_or_refused(value: str) -> None:
    for decode in (decode_redirect, decode_post):
        try:
            assert len(decode(value, limit=50)) <= 50
        except BadMessage:
            continue


@given(st.binary(max_size=300))
def test_any_bytes_inflate_or_are_refused(data: bytes) -> None:
    try:
        assert len(decode_redirect(_text(data), limit=500)) <= 500
    except BadMessage:
        return


_DEFLATED = _deflated(b"<a/>" * 50)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "A",
        "AAA",
        "====",
        "AAAA\nAAAA",
        " " + _text(_DEFLATED),
        _text(_DEFLATED) + "\n",
        _text(_DEFLATED).rstrip("=") + "!",
        "Ä" * 4,
        _text(b"<a/>"),
        _text(_DEFLATED[:-1]),
        _text(_DEFLATED + b"x"),
        _text(_DEFLATED + _DEFLATED),
        _text(_deflated(b"<a/>", wbits=15)),
        _text(_deflated(b"<a/>", wbits=31)),
    ],
    ids=[
        "empty",
        "one character",
        "no padding",
        "padding only",
        "line break",
        "space before",
        "line break after",
        "foreign character",
        "not ASCII",
        "not deflated",
        "truncated",
        "byte after the end",
        "two streams",
        "zlib header",
        "gzip header",
    ],
)
def test_redirect_takes_nothing_else(value: str) -> None:
    assert decode_redirect(_text(_DEFLATED)) == b"<a/>" * 50
    with pytest.raises(BadMessage):
        decode_redirect(value)


@pytest.mark.parametrize("value", ["A", "AAA", "AAAA=", "AA=A", "A-_A", "AAAA\u00a0", "AAAA\v", "é"])
def test_post_takes_nothing_else(value: str) -> None:
    with pytest.raises(BadMessage):
        decode_post(value)


def test_case_02_post_is_never_inflated() -> None:
    assert decode_post(_text(_DEFLATED)) == _DEFLATED


@pytest.mark.parametrize("size", [MESSAGE_LIMIT, MESSAGE_LIMIT + 1])
def test_the_limit_is_exact(size: int) -> None:
    data = bytes(size)
    for decode, value in ((decode_redirect, _text(_deflated(data))), (decode_post, _text(data))):
        if size <= MESSAGE_LIMIT:
            assert decode(value) == data
        else:
            with pytest.raises(BadMessage, match="over the limit"):
                decode(value)


def test_incompressible_message_at_the_limit_fits() -> None:
    stored = zlib.compressobj(level=0, wbits=-15)
    value = _text(stored.compress(bytes(MESSAGE_LIMIT)) + stored.flush())
    assert len(decode_redirect(value)) == MESSAGE_LIMIT
