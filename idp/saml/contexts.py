"""Authentication contexts: what a partner may ask for, and what is true of a sign-in.

What a partner asks can only raise what is demanded, never lower it: policy decides on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from saml2 import saml

from idp.core.errors import Denied, Reason
from idp.core.model import Grant, Strength

UNSPECIFIED = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
PASSWORD = saml.AUTHN_PASSWORD
PASSWORD_PROTECTED = saml.AUTHN_PASSWORD_PROTECTED
REFEDS_SFA = "https://refeds.org/profile/sfa"
REFEDS_MFA = "https://refeds.org/profile/mfa"
MULTIPLE_AUTHN = "http://schemas.microsoft.com/claims/multipleauthn"

EXACT = "exact"
_LEVELS = {
    UNSPECIFIED: 0,
    # A password sent in the clear: known so that others can be compared with it, never said.
    PASSWORD: 1,
    REFEDS_SFA: 2,
    PASSWORD_PROTECTED: 2,
    MULTIPLE_AUTHN: 3,
    REFEDS_MFA: 3,
}
# What we say, the strongest first; of equals the one we prefer first.
_SPOKEN = (REFEDS_MFA, MULTIPLE_AUTHN, PASSWORD_PROTECTED, REFEDS_SFA, UNSPECIFIED)
_DEMANDS = {0: None, 2: Strength.ONE, 3: Strength.TWO}
_REACHED = {Strength.ONE: 2, Strength.TWO: 3, Strength.PHISHING_RESISTANT: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A RequestedAuthnContext: its `known` classes in the partner's order of preference."""

    classes: tuple[str, ...]
    comparison: str = EXACT

    def echo(self) -> dict[str, str]:
        """Return the form that travels with the sign-in."""
        return {"contexts": " ".join(self.classes), "comparison": self.comparison}

    @staticmethod
    def from_echo(echo: Mapping[str, str]) -> Wanted | None:
        """Return what `echo` wrote, None when the partner asked for nothing."""
        if "contexts" not in echo:
            return None
        return Wanted(classes=tuple(echo["contexts"].split()), comparison=echo["comparison"])


def known(classes: Iterable[str]) -> tuple[str, ...]:
    """Return those classes that we can compare; the others never decide anything."""
    return tuple(uri for uri in classes if uri in _LEVELS)


def demanded(wanted: Wanted | None) -> Strength | None:
    """Return the weakest strength that satisfies the request; None demands nothing by itself.

    Raises Denied (NoAuthnContext) when nothing we can say would.
    """
    if wanted is None:
        return None
    acceptable = _acceptable(wanted)
    if not acceptable:
        raise _unmet("no class that we can say satisfies the request")
    return _DEMANDS[min(_LEVELS[uri] for uri in acceptable)]


def spoken(wanted: Wanted | None, grant: Grant) -> str:
    """Return the class to say: true of the grant, and one that the partner asked for if there is one.

    Raises Denied (NoAuthnContext) when nothing that is true satisfies the request.
    """
    true = [uri for uri in _SPOKEN if _is_true(uri, grant)]
    if wanted is None:
        return true[0]
    acceptable = _acceptable(wanted)
    candidates = [uri for uri in true if uri in acceptable]
    if not candidates:
        raise _unmet("nothing that is true of the sign-in satisfies the request")
    return next((uri for uri in wanted.classes if uri in candidates), candidates[0])


def _is_true(uri: str, grant: Grant) -> bool:
    if uri == PASSWORD_PROTECTED:
        return "pwd" in grant.amr
    return _LEVELS[uri] <= _REACHED[grant.acr]


def _acceptable(wanted: Wanted) -> frozenset[str]:
    """Return the classes we say that satisfy the comparison."""
    return frozenset(uri for uri in _SPOKEN if wanted.classes and _satisfies(uri, wanted))


def _satisfies(uri: str, wanted: Wanted) -> bool:
    """Compare as core 3.3.2.2.1 says: stronger than all for "better", than one for the others."""
    level, named = _LEVELS[uri], [_LEVELS[each] for each in wanted.classes]
    match wanted.comparison:
        case "minimum":
            return level >= min(named)
        case "better":
            return level > max(named)
        case "maximum":
            return level <= max(named)
        case _:
            return uri in wanted.classes


def _unmet(detail: str) -> Denied:
    return Denied(
        "The application asks for a way of signing in that is not available here.",
        reason=Reason.CONTEXT,
        detail=detail,
    )
