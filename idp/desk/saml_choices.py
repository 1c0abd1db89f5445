"""What an administrator may choose for a SAML application, beside what its metadata says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from idp.claims import canonical
from idp.core.errors import Refused
from idp.partners.encryption import recipient
from idp.partners.saml import Encrypt, SamlSettings, Tolerated, Weak

SIGN: Mapping[str, tuple[bool, bool]] = {
    "both": (True, True),
    "assertion": (False, True),
    "response": (True, False),
}
"""What of an answer is signed, by name: (the response, the assertion)."""
NAME_IDS = ("persistent", "transient", "email", "unspecified")
LONGEST_SKEW = 600  # seconds; a clock that is further off needs setting, not patience
LONGEST_TOLERANCE = timedelta(days=366)
_LONGEST_RELAY_STATE = 1000
_FROM_ATTRIBUTES = ("email", "unspecified")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlChoices:
    """Changes to make; None leaves a setting as it is.

    sign is one of SIGN. name_id is one of NAME_IDS, for the last two with the attribute that it
    comes from ("unspecified:employeeNumber"), or "" for what the metadata says. clock_skew is in
    seconds. tolerate adds a weak algorithm until a date, or moves the date; refuse ends it.
    """

    sign: str | None = None
    encrypt: Encrypt | None = None
    name_id: str | None = None
    clock_skew: int | None = None
    idp_initiated: bool | None = None
    relay_state: str | None = None
    tolerate: Tolerated | None = None
    refuse: Weak | None = None

    def __bool__(self) -> bool:
        """Say whether anything is to be changed."""
        return self != SamlChoices()


def chosen(settings: SamlSettings, choices: SamlChoices, *, now: datetime) -> SamlSettings:
    """Return the settings with the choices made. Raises Refused for one that could not work."""
    changed: dict[str, Any] = {"tolerated": _tolerated(settings, choices, now)}
    if choices.sign is not None:
        changed["sign_response"], changed["sign_assertion"] = SIGN[choices.sign]
    if choices.name_id is not None:
        changed["name_id"], changed["name_id_attribute"] = _name_id(choices.name_id)
    for name in ("encrypt", "clock_skew", "idp_initiated", "relay_state"):
        if getattr(choices, name) is not None:
            changed[name] = getattr(choices, name)
    made = replace(settings, **changed)
    if not 0 <= made.clock_skew <= LONGEST_SKEW:
        raise Refused(f"A clock may be wrong by 0 to {LONGEST_SKEW} seconds.")
    if len(made.relay_state) > _LONGEST_RELAY_STATE or not made.relay_state.isprintable():
        raise Refused("A RelayState is one line of at most 1000 characters.")
    if made.encrypt is not Encrypt.ALWAYS and any(each.what is Weak.CBC for each in made.tolerated):
        # By itself an answer would go out readable from the date on.
        raise Refused("CBC is for answers that must be encrypted: allow it together with --encrypt always.")
    recipient(made, now=now)
    return made


def _name_id(text: str) -> tuple[str, str]:
    form, _, attribute = text.partition(":")
    if not text:
        return "", ""
    if form not in NAME_IDS:
        raise Refused(f"People can be named to an application by {', '.join(NAME_IDS)}.")
    if attribute and form not in _FROM_ATTRIBUTES:
        raise Refused("Persistent and transient names are made up: they come from no attribute.")
    if form == "unspecified" and not attribute:
        raise Refused("Say which attribute the name comes from, like unspecified:employeeNumber.")
    return form, canonical(attribute) if attribute else ""


def _tolerated(settings: SamlSettings, choices: SamlChoices, now: datetime) -> tuple[Tolerated, ...]:
    new = choices.tolerate
    if new is not None and not now < new.until <= now + LONGEST_TOLERANCE:
        raise Refused("A weak algorithm is allowed until a date, at most a year from now.")
    dropped = {choices.refuse, new.what if new else None}
    kept = tuple(each for each in settings.tolerated if each.what not in dropped and now < each.until)
    return (*kept, new) if new else kept
