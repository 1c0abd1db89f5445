"""Which strength a RequestedAuthnContext demands, and what is said of a sign-in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from idp.core.errors import Denied, Reason
from idp.core.model import Grant, SignInRequest, Strength, Subject, SubjectForm
from idp.saml.contexts import (
    MULTIPLE_AUTHN,
    PASSWORD,
    PASSWORD_PROTECTED,
    REFEDS_MFA,
    REFEDS_SFA,
    UNSPECIFIED,
    Wanted,
    demanded,
    known,
    spoken,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ONE, TWO, STRONG = Strength.ONE, Strength.TWO, Strength.PHISHING_RESISTANT
KERBEROS = "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"
NONE = "NoAuthnContext"


def wanted(comparison: str, *classes: str) -> Wanted:
    return Wanted(classes=known(classes), comparison=comparison)


def grant(acr: Strength, *amr: str) -> Grant:
    return Grant(
        id="g",
        request=SignInRequest(door="saml", issuer="i", partner="p", reply_to="https://sp.example/acs"),
        person="p",
        subject=Subject(value="v", form=SubjectForm.PAIRWISE),
        claims=(),
        amr=amr,
        acr=acr,
        authenticated_at=NOW,
        issued_at=NOW,
        session="s",
        session_ends=NOW,
        participant="i",
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, None),
        # exact: the weakest of those named
        (wanted("exact", UNSPECIFIED), None),
        (wanted("exact", PASSWORD_PROTECTED), ONE),
        (wanted("exact", REFEDS_SFA), ONE),
        (wanted("exact", REFEDS_MFA), TWO),
        (wanted("exact", MULTIPLE_AUTHN), TWO),
        (wanted("exact", REFEDS_MFA, PASSWORD_PROTECTED), ONE),
        (wanted("exact", KERBEROS, REFEDS_MFA), TWO),
        (wanted("exact", KERBEROS), NONE),
        (wanted("exact", PASSWORD), NONE),  # we never take a password in the clear
        (wanted("exact"), NONE),  # declarations only
        # minimum: the weakest named, or stronger
        (wanted("minimum", UNSPECIFIED), None),
        (wanted("minimum", PASSWORD), ONE),
        (wanted("minimum", PASSWORD_PROTECTED), ONE),
        (wanted("minimum", REFEDS_MFA), TWO),
        (wanted("minimum", KERBEROS), NONE),
        # better: stronger than all that are named
        (wanted("better", UNSPECIFIED), ONE),
        (wanted("better", PASSWORD), ONE),
        (wanted("better", PASSWORD_PROTECTED), TWO),
        (wanted("better", PASSWORD_PROTECTED, UNSPECIFIED), TWO),
        (wanted("better", REFEDS_MFA), NONE),
        # maximum: nothing is demanded by a ceiling
        (wanted("maximum", REFEDS_MFA), None),
        (wanted("maximum", PASSWORD_PROTECTED), None),
        (wanted("maximum", KERBEROS), NONE),
    ],
)
def test_what_a_request_demands(asked: Wanted | None, expected: Strength | str | None) -> None:
    if expected == NONE:
        with pytest.raises(Denied) as caught:
            demanded(asked)
        assert caught.value.reason is Reason.CONTEXT
    else:
        assert demanded(asked) == expected


@pytest.mark.parametrize(
    ("asked", "granted", "expected"),
    [
        # nothing asked: the strongest that is true
        (None, grant(ONE, "pwd"), PASSWORD_PROTECTED),
        (None, grant(ONE, "otp"), REFEDS_SFA),
        (None, grant(TWO, "pwd", "otp"), REFEDS_MFA),
        (None, grant(STRONG, "hwk"), REFEDS_MFA),
        # what was asked for, when it is true
        (wanted("exact", PASSWORD_PROTECTED), grant(TWO, "pwd", "otp"), PASSWORD_PROTECTED),
        (wanted("exact", MULTIPLE_AUTHN), grant(TWO, "pwd", "otp"), MULTIPLE_AUTHN),
        (wanted("exact", MULTIPLE_AUTHN, REFEDS_MFA), grant(TWO, "pwd", "otp"), MULTIPLE_AUTHN),
        (wanted("exact", REFEDS_MFA, PASSWORD_PROTECTED), grant(ONE, "pwd"), PASSWORD_PROTECTED),
        (wanted("exact", UNSPECIFIED), grant(TWO, "pwd", "otp"), UNSPECIFIED),
        (wanted("minimum", PASSWORD_PROTECTED), grant(TWO, "pwd", "otp"), PASSWORD_PROTECTED),
        # the best that is true, when what was named is not
        (wanted("minimum", PASSWORD_PROTECTED), grant(STRONG, "hwk"), REFEDS_MFA),
        (wanted("better", PASSWORD_PROTECTED), grant(TWO, "pwd", "otp"), REFEDS_MFA),
        (wanted("maximum", PASSWORD_PROTECTED), grant(STRONG, "hwk"), REFEDS_SFA),
        # never what is not true
        (wanted("exact", PASSWORD_PROTECTED), grant(STRONG, "hwk"), NONE),
        (wanted("exact", REFEDS_MFA), grant(ONE, "pwd"), NONE),
        (wanted("minimum", MULTIPLE_AUTHN), grant(ONE, "pwd"), NONE),
        (wanted("better", PASSWORD_PROTECTED), grant(ONE, "pwd"), NONE),
        (wanted("exact", KERBEROS), grant(TWO, "pwd", "otp"), NONE),
    ],
)
def test_what_is_said(asked: Wanted | None, granted: Grant, expected: str) -> None:
    if expected == NONE:
        with pytest.raises(Denied) as caught:
            spoken(asked, granted)
        assert caught.value.reason is Reason.CONTEXT
    else:
        assert spoken(asked, granted) == expected


def test_the_request_travels_in_the_echo() -> None:
    asked = wanted("minimum", REFEDS_MFA, KERBEROS, PASSWORD_PROTECTED)
    assert Wanted.from_echo(asked.echo()) == asked
    assert Wanted.from_echo(Wanted(classes=()).echo()) == Wanted(classes=())
    assert Wanted.from_echo({"id": "x"}) is None
