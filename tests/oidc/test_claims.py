"""Scopes decide what userinfo says; strengths decide which acr is stated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp.core.model import Strength
from idp.oidc import contexts
from idp.oidc.claims import userinfo
from tests.oidc.samples import GRANT, granting

ADA = granting(
    {
        "uid": ["ada"],
        "displayName": ["Ada Lovelace"],
        "givenName": ["Ada"],
        "sn": ["Lovelace"],
        "mail": ["ada@example.com", "second@example.com"],
        "telephoneNumber": ["+44 20 7946 0000"],
        "groups": ["staff"],
        "department": ["Engines"],
        "eduPersonAffiliation": ["member"],
    }
)


def told(*scopes: str) -> dict[str, object]:
    return userinfo(ADA, frozenset({"openid", *scopes}))


def test_scope_openid_alone_says_who_and_nothing_else() -> None:
    assert told() == {"sub": "ada"}


def test_scope_profile() -> None:
    assert told("profile") == {
        "sub": "ada",
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "preferred_username": "ada",
        "groups": ["staff"],
        "department": "Engines",
        "eduPersonAffiliation": ["member"],
    }


def test_scope_email_says_one_address_and_does_not_vouch_for_it() -> None:
    assert told("email") == {"sub": "ada", "email": "ada@example.com"}


def test_scope_phone_and_groups() -> None:
    assert told("phone") == {"sub": "ada", "phone_number": "+44 20 7946 0000"}
    assert told("groups") == {"sub": "ada", "groups": ["staff"]}


def test_scope_address() -> None:
    home = granting({"street": ["1 St James Sq"], "l": ["London"], "postalCode": ["SW1Y"], "c": ["GB"]})
    assert userinfo(home, frozenset({"openid", "address"})) == {
        "sub": "ada",
        "address": {
            "street_address": "1 St James Sq",
            "locality": "London",
            "postal_code": "SW1Y",
            "country": "GB",
        },
    }
    assert userinfo(home, frozenset({"openid", "profile"})) == {"sub": "ada"}


def test_a_mobile_number_speaks_where_there_is_no_other() -> None:
    phone = frozenset({"openid", "phone"})
    assert userinfo(granting({"mobile": ["+1"]}), phone) == {"sub": "ada", "phone_number": "+1"}
    both = granting({"mobile": ["+1"], "telephoneNumber": ["+2"]})
    assert userinfo(both, phone) == {"sub": "ada", "phone_number": "+2", "mobile": "+1"}


def test_what_was_not_released_is_not_said() -> None:
    only_mail = granting({"mail": ["ada@example.com"]})
    assert userinfo(only_mail, frozenset({"openid", "profile", "email", "phone"})) == {
        "sub": "ada",
        "email": "ada@example.com",
    }


def test_no_attribute_speaks_in_the_protocols_place() -> None:
    sly = granting({"sub": ["eve"], "iss": ["evil"], "email": ["eve@x"], "email_verified": ["true"]})
    assert userinfo(sly, frozenset({"openid", "profile", "email"})) == {"sub": "ada"}


@pytest.mark.parametrize(
    ("acr", "amr", "requested", "expected"),
    [
        (Strength.TWO, ("pwd", "otp"), "", contexts.REFEDS_MFA),
        (Strength.TWO, ("pwd", "otp"), contexts.MULTIPLE, contexts.MULTIPLE),
        (Strength.TWO, ("pwd", "otp"), f"{contexts.PASSWORD} {contexts.MULTIPLE}", contexts.PASSWORD),
        (Strength.TWO, ("pwd", "otp"), "phr phrh unknown", contexts.REFEDS_MFA),
        (Strength.TWO, ("hwk", "pin"), contexts.PASSWORD, contexts.REFEDS_MFA),
        (Strength.PHISHING_RESISTANT, ("hwk",), "", "phr"),
        (Strength.PHISHING_RESISTANT, ("hwk",), contexts.REFEDS_MFA, contexts.REFEDS_MFA),
        (Strength.ONE, ("pwd",), contexts.REFEDS_MFA, contexts.PASSWORD),
        (Strength.ONE, ("otp",), contexts.REFEDS_MFA, ""),
    ],
)
def test_check_27_the_stated_acr_is_true(
    acr: Strength, amr: tuple[str, ...], requested: str, expected: str
) -> None:
    assert contexts.stated(replace(GRANT, acr=acr, amr=amr), requested) == expected


@pytest.mark.parametrize(
    ("acr_values", "expected"),
    [
        ("", None),
        ("unknown", None),
        ("phrh", None),
        ("unknown https://refeds.org/profile/mfa", Strength.TWO),
        (contexts.MULTIPLE, Strength.TWO),
        (f"{contexts.PASSWORD} {contexts.REFEDS_MFA}", Strength.ONE),
    ],
)
def test_check_27_acr_values_are_voluntary_and_ordered(acr_values: str, expected: Strength | None) -> None:
    assert contexts.demanded(acr_values) == expected
