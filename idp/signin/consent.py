"""Say in people's words what a partner would learn or may do, if they agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idp.claims import release, scope_of
from idp.core.model import Partner, Person, SignInRequest
from idp.web.i18n import mark

# In this order. The keys are scopes of OpenID Connect (core 5.4 and 11).
_TEXTS: Mapping[str, str] = {
    "profile": mark("Your name and profile"),
    "email": mark("Your e-mail address"),
    "phone": mark("Your phone number"),
    "address": mark("Your postal address"),
    "groups": mark("Your groups"),
}
_OFFLINE = mark("Stay connected")
_WHILE_AWAY = mark("It may look these details up again later, also while you are not signed in.")
_OTHER = mark("Use other services in your name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One line of the question: a picture, what it is, what is said today, and a word on it."""

    icon: str
    text: str
    values: tuple[str, ...] = ()
    note: str = ""


def details(request: SignInRequest, person: Person, partner: Partner) -> tuple[Detail, ...]:
    """Return what the person is asked to agree to: nothing that would not really be given."""
    said: dict[str, dict[str, None]] = {}
    for claim in release(person, partner).claims:
        said.setdefault(scope_of(claim.type), {})[claim.value] = None
    shared = [
        Detail(icon=scope, text=text, values=tuple(said[scope]))
        for scope, text in _TEXTS.items()
        if scope in request.consent and scope in said
    ]
    beyond = tuple(scope for scope in request.consent if scope not in {*_TEXTS, "openid", "offline_access"})
    if beyond:
        shared.append(Detail(icon="services", text=_OTHER, values=beyond))
    if "offline_access" in request.consent:
        shared.append(Detail(icon="offline", text=_OFFLINE, note=_WHILE_AWAY))
    return tuple(shared)
