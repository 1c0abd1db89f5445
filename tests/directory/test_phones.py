"""Phone numbers: what is typed, which may be texted, what is shown of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import Unchecked
from idp.directory.phones import Phone, calling_codes, read, stored

US = Phone(number="+14255550123", region="US")


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+1 425 555 0123", "", "+14255550123"),
        ("+1 (425) 555-0123", "DE", "+14255550123"),
        ("425.555.0123", "US", "+14255550123"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("+49 (0)151/23456789", "", "+4915123456789"),
        ("00 49 151 23456789", "EG", "+4915123456789"),
        ("٠١٠٠ ١٢٣ ٤٥٦٧", "EG", "+201001234567"),
        ("+４９ １５１ ２３４５６７８９", "", "+4915123456789"),
        ("07400–123456", "GB", "+447400123456"),
        ("+20 100 123 4567", "", "+201001234567"),
    ],
)
def test_numbers_as_people_type_them(typed, region, number):
    assert read(typed, region=region).number == number


@pytest.mark.parametrize(
    ("typed", "region"),
    [
        ("", ""),
        ("+", "US"),
        ("4255550123", ""),  # of which country?
        ("4255550123", "XX"),
        ("4255550123", "001"),
        ("+1 425 555", ""),
        ("+1 4251234567", ""),  # no exchange begins with 1
        ("+1 42555501234567", ""),
        ("+0 12345678", ""),
        ("+1 425CALLME", ""),
        ("+1 425 555 0123 x12", ""),
        ("+881 6 123 45678", ""),  # satellite
        ("tel:+14255550123", ""),
        ("+1 425 555 0123" + " " * 30, ""),
    ],
)
def test_what_is_no_number(typed, region):
    with pytest.raises(Unchecked, match="not a phone number"):
        read(typed, region=region)


@pytest.mark.parametrize(
    "typed",
    [
        "+1 900 555 0123",  # premium
        "+49 900 1 123456",
        "+49 30 123456",  # a landline
        "+44 70 1234 5678",  # "personal" numbers, dear and much abused
        "+44 56 1234 5678",  # internet telephony
        "+44 76 4012 3456",  # pager
        "+1 800 234 5678",  # toll free
    ],
)
def test_row_58_numbers_that_get_no_texts(typed):
    with pytest.raises(Unchecked, match="can’t get text messages"):
        read(typed)


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+14255550123", "+1 •••-•••-••23"),
        ("+4915123456789", "+49 •••• •••••89"),
        ("+201001234567", "+20 •• ••••••67"),
    ],
)
def test_what_is_shown_of_a_number(number, masked):
    phone = stored(number)
    assert phone.masked == masked
    assert number not in repr(phone)


def test_a_stored_number_is_as_it_was_read():
    assert stored("+14255550123") == US == read("+1 425 555 0123")
    assert US.spaced == "+1 4255550123"


def test_a_number_of_no_known_kind_can_still_be_opened():
    assert stored("+12225550123").masked == "+1 •••-•••-••23"


def test_countries_have_calling_codes():
    codes = calling_codes()
    assert (codes["US"], codes["DE"], codes["EG"]) == ("+1", "+49", "+20")
    assert len(codes) > 200
    assert "001" not in codes


@given(st.text(max_size=45), st.sampled_from(["", "US", "DE", "??"]))
def test_any_text_is_a_number_or_refused(text, region):
    try:
        phone = read(text, region=region)
    except Unchecked:
        return
    assert phone.number.startswith("+")
    assert read(phone.number) == phone
