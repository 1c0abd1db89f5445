"""Translate between strengths and the acr values that applications ask for and are told."""

from __future__ import annotations

from collections.abc import Mapping

from idp.core.model import Grant, Strength

PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 - a name
REFEDS_MFA = "https://refeds.org/profile/mfa"
MULTIPLE = "http://schemas.microsoft.com/claims/multipleauthn"
PHISHING_RESISTANT = "phr"

# Strongest first.  "phrh" (OpenID EAP ACR Values 1.0: keys in hardware) is not among them: it
# can't be said truthfully without attestation, so it is ignored like any unknown value.
_MEANS: Mapping[str, Strength] = {
    PHISHING_RESISTANT: Strength.PHISHING_RESISTANT,
    REFEDS_MFA: Strength.TWO,
    MULTIPLE: Strength.TWO,
    PASSWORD: Strength.ONE,
}


def supported() -> tuple[str, ...]:
    """Return the acr values that mean something here, strongest first."""
    return tuple(_MEANS)


def demanded(acr_values: str) -> Strength | None:
    """Return the strength of the first value that means something here, None without one.

    The list is in order of preference and voluntary: unknown values are passed over (OIDC core
    3.1.2.1). One that is known is then insisted on (RFC 9470 section 5).
    """
    return next((_MEANS[value] for value in acr_values.split(" ") if value in _MEANS), None)


def stated(grant: Grant, acr_values: str) -> str:
    """Return the acr to state: the first of the requested values that is true, else the strongest.

    "" when none is true, so that no acr is stated.
    """
    wanted = [value for value in acr_values.split(" ") if value in _MEANS]
    return next((value for value in (*wanted, *_MEANS) if _true(value, grant)), "")


def _true(value: str, grant: Grant) -> bool:
    if value == PASSWORD:
        return "pwd" in grant.amr
    return grant.acr.rank >= _MEANS[value].rank
