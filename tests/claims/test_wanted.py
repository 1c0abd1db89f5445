"""What a partner asks for narrows what it is given and never widens it; what it lacks is told."""

from __future__ import annotations

import pytest

from idp.claims import missing, release, values
from idp.core.model import Partner, Person

PERSON = Person(
    id="p",
    source="local",
    source_key="p",
    name="ada",
    display_name="Ada",
    attributes={"mail": ("a@x", "b@x"), "employeeNumber": ("7",)},
    groups=("staff",),
)
PARTNER = Partner(
    id="a", door="saml", identifier="sp", name="A", issuer="default", release=("uid", "mail", "groups")
)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (None, ["uid", "mail", "mail", "groups"]),
        ((), []),
        (("MAIL",), ["mail", "mail"]),
        (("employeeNumber",), []),
        (("groups", "uid", "unknown"), ["uid", "groups"]),
    ],
)
def test_only_what_is_both_wanted_and_released_is_said(
    wanted: tuple[str, ...] | None, said: list[str]
) -> None:
    assert [claim.type for claim in release(PERSON, PARTNER, wanted=wanted).claims] == said


def test_what_is_needed_and_not_said_is_missing() -> None:
    claims = release(PERSON, PARTNER).claims
    assert missing(("mail", "employeeNumber", "sn"), claims) == ("employeeNumber", "sn")
    assert missing((), claims) == ()


def test_values_are_found_by_any_spelling_whether_or_not_they_are_released() -> None:
    assert values(PERSON, "EMPLOYEENUMBER") == ("7",)
    assert values(PERSON, "uid") == ("ada",)
    assert values(PERSON, "sn") == ()
