"""What is typed in about a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import Refused
from idp.directory.attributes import line, mail, phone


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+1 4251234567", "+1 4251234567"),
        ("+14251234567", "+1 4251234567"),
        ("+1 (425) 123-4567", "+1 4251234567"),
        ("+49 30/123456", "+49 30123456"),
        ("+44 20.7946.0958", "+44 2079460958"),
        ("+354 555 1234", "+354 5551234"),
        ("+7 495 123–45–67", "+7 4951234567"),
        ("+971 50 123 4567", "+971 501234567"),
        (" +972-50-1234567 ", "+972 501234567"),
    ],
)
def test_phone_numbers_have_their_country_code_apart(typed, kept):
    assert phone(typed) == kept
    assert phone(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "+",
        "4251234567",
        "004930123456",
        "+1",
        "+1 123",
        "+1 42512345678901234",
        "+0 12345678",
        "+1 425CALLME",
        "+１ 4251234567",
    ],
)
def test_other_phone_numbers_are_refused(typed):
    with pytest.raises(Refused):
        phone(typed)


@given(st.text(max_size=40))
def test_any_text_is_a_phone_number_or_refused(text):
    try:
        kept = phone(text)
    except Refused:
        return
    assert kept.isascii()
    assert 7 <= len(kept) <= 17


@pytest.mark.parametrize(
    "typed", ["ada@example.org", "a.b+c@x-y.example", "ada@localhost", " ada@example.org "]
)
def test_mail_addresses(typed):
    assert mail(typed) == typed.strip()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "a@b@c",
        "a b@example.org",
        "a@example..org",
        "a\0@x.org",
        "x" * 65 + "@x.org",
    ],
)
def test_other_mail_addresses_are_refused(typed):
    with pytest.raises(Refused):
        mail(typed)


def test_a_line_is_one_line():
    assert line("  Ada Lovelace ", what="A name") == "Ada Lovelace"
    for bad in ("", " ", "a\nb", "a\x1b[31m", "x" * 257, "a\u202eb"):
        with pytest.raises(Refused, match="A name"):
            line(bad, what="A name")
