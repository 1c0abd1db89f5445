"""Typed codes in every script, and the codes of RFC 4226."""

from __future__ import annotations

import base64
import hashlib

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import Refused
from idp.factors.codes import hotp, read_code

RFC_SEED = b"12345678901234567890"


@pytest.mark.parametrize(
    "typed",
    [
        "012345",
        " 012 345\n",
        "012-345",
        "012–345",
        "０１２３４５",
        "٠١٢٣٤٥",
        "۰۱۲۳۴۵",
        "०१२३४५",
        "\u200e012345\u200f",
        "012\u00a0345",
        "0\u200b12345",
    ],
)
def test_digits_of_every_script_are_read(typed):
    assert read_code(typed, digits=6) == "012345"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "²12345",
        "½12345",
        "一23456",
        "+12345",
        "1.2345",
        "0x1234",
        "0" * 100,
    ],
)
def test_everything_else_is_refused(typed):
    with pytest.raises(Refused):
        read_code(typed, digits=6)


@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_any_text_is_a_code_or_refused(text):
    try:
        code = read_code(text, digits=6)
    except Refused:
        return
    assert len(code) == 6
    assert code.isascii()
    assert code.isdigit()


def test_rfc_4226_appendix_d():
    expected = [
        "755224",
        "287082",
        "359152",
        "969429",
        "338314",
        "254676",
        "287922",
        "162583",
        "399871",
        "520489",
    ]
    assert [hotp(RFC_SEED, n, digits=6, algorithm="sha1") for n in range(10)] == expected


@given(
    st.binary(min_size=14, max_size=64),
    st.integers(0, 2**40),
    st.sampled_from([6, 8, 10]),
    st.sampled_from(["sha1", "sha256", "sha512"]),
)
def test_codes_are_those_of_pyotp(seed, counter, digits, algorithm):
    oracle = pyotp.HOTP(base64.b32encode(seed).decode(), digits=digits, digest=getattr(hashlib, algorithm))
    assert hotp(seed, counter, digits=digits, algorithm=algorithm) == oracle.at(counter)
