"""Read phone numbers, say which of them can get text messages, and show them without giving them away."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from idp.core.errors import Unchecked
from idp.core.result import Result

_LONGEST = 40  # characters typed; ITU E.164 has 15 digits
# Premium and shared-cost numbers earn whoever has us text them; pagers, voice boxes, internet
# telephony and numbers of no known kind are how text pumping is done. Landlines get no texts.
_TEXTABLE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_CALLABLE = _TEXTABLE | {PhoneNumberType.FIXED_LINE}
_HIDDEN = re.compile(r"\d(?=(?:\D*\d){2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A phone number in E.164 ("+14255550123"), and the ISO 3166 code of its country ("US")."""

    number: str = field(repr=False)
    region: str

    @property
    def masked(self) -> str:
        """Return the number with only its country code and last two digits: "+1 •••-•••-••23"."""
        code, _, rest = _international(phonenumbers.parse(self.number)).partition(" ")
        return f"{code} {_HIDDEN.sub('•', rest)}"

    @property
    def spaced(self) -> str:
        """Return the number as directories write it: "+1 4255550123"."""
        parsed = phonenumbers.parse(self.number)
        return f"+{parsed.country_code} {phonenumbers.national_significant_number(parsed)}"


def read(text: str, *, region: str = "") -> Phone:
    """Return a number that was typed, in international form or as in a country (ISO 3166).

    Raises Unchecked when it is no number, or one that can't or mustn't get text messages.
    """
    phone, kind = _read(text, region)
    if kind not in _TEXTABLE:
        raise Unchecked(
            "That number can’t get text messages. Use the number of a mobile phone.",
            result=Result.INVALID_PHONE,
        )
    return phone


def read_callable(text: str, *, region: str = "") -> Phone:
    """Return a number that was typed and may be called: as `read`, and landlines too. Raises Unchecked."""
    phone, kind = _read(text, region)
    if kind not in _CALLABLE:
        raise Unchecked(
            "That number can’t be called from here. Use the number of an ordinary phone.",
            result=Result.INVALID_PHONE,
        )
    return phone


def _read(text: str, region: str) -> tuple[Phone, int]:
    """Return a number and of what kind it is (PhoneNumberType). Raises Unchecked."""
    parsed = _parsed(text, region)
    found = phonenumbers.region_code_for_number(parsed) if parsed else None
    # 001: satellite and other networks of no country, which are as dear as premium numbers.
    if parsed is None or found in {None, "001"}:
        raise Unchecked(
            "That is not a phone number. Write it with its country code, like +1 425 555 0123.",
            result=Result.INVALID_PHONE,
        )
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return Phone(number=number, region=found or ""), phonenumbers.number_type(parsed)


def stored(number: str) -> Phone:
    """Return a number that was read before, whatever is known of its kind today."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    return Phone(number=number, region=region or "")


def calling_codes() -> dict[str, str]:
    """Return every country that has phone numbers, and its calling code: {"US": "+1", ...}."""
    regions = phonenumbers.SUPPORTED_REGIONS
    return {region: f"+{phonenumbers.country_code_for_region(region)}" for region in sorted(regions)}


def _parsed(text: str, region: str) -> PhoneNumber | None:
    # The library would read letters as the keys they are on, and an extension behind an x.
    if len(text) > _LONGEST or any(letter.isalpha() for letter in text):
        return None
    try:
        return phonenumbers.parse(text, region if region in phonenumbers.SUPPORTED_REGIONS else None)
    except NumberParseException:
        return None


def _international(parsed: PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
