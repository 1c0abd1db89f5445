"""Read the claims parameter: what a client wants to know, one claim at a time (OIDC core 5.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.core import codec
from idp.oidc.errors import OAuthError, invalid_request

LONGEST = 8192  # characters
_MOST_CLAIMS = 60
_MOST_VALUES = 20
_LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """How one claim is wanted; values () means any value."""

    essential: bool = False
    values: tuple[str, ...] = ()

    def takes(self, value: object) -> bool:
        """Say whether a value is one of those asked for; of a list one is enough."""
        held = value if isinstance(value, list) else [value]
        return not self.values or not set(self.values).isdisjoint(map(str, held))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The claims wanted in the ID token and from userinfo, by name."""

    id_token: Mapping[str, Member] = field(default_factory=dict)
    userinfo: Mapping[str, Member] = field(default_factory=dict)


def read(text: str) -> Wanted:
    """Read the parameter. Raises OAuthError when it is malformed or beyond all need."""
    if len(text) > LONGEST:
        raise invalid_request("The parameter claims is too long.")
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as bad:
        raise _malformed() from bad
    if not isinstance(document, dict):
        raise _malformed()
    # Other members are for others to understand (5.5).
    return Wanted(
        id_token=_members(document.get("id_token")),
        userinfo=_members(document.get("userinfo")),
    )


def to_echo(wanted: Wanted) -> str:
    """Return what was read as text that `from_echo` reads again."""
    return codec.dump(wanted)


def from_echo(echo: Mapping[str, str]) -> Wanted:
    """Return what the request of a grant wanted."""
    return codec.load(Wanted, echo["claims"]) if "claims" in echo else Wanted()


def _members(given: object) -> Mapping[str, Member]:
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > _MOST_CLAIMS or not all(map(str.isprintable, given)):
        raise _malformed()
    return {name: _member(how) for name, how in given.items()}


def _member(how: object) -> Member:
    if how is None:
        return Member()
    if not isinstance(how, dict):
        raise _malformed()
    essential, values = how.get("essential", False), how.get("values", [])
    if not isinstance(essential, bool) or not isinstance(values, list) or len(values) > _MOST_VALUES:
        raise _malformed()
    values = [*([how["value"]] if "value" in how else []), *values]
    return Member(essential=essential, values=tuple(map(_value, values)))


def _value(given: object) -> str:
    if not isinstance(given, (str, int, float)):
        raise _malformed()
    text = str(given)
    # JSON can spell NUL and halves of characters; people are looked up by some, where no database
    # takes those.
    if len(text) > _LONGEST_VALUE or not text.isprintable():
        raise _malformed()
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # A name given twice is read one way here and another way elsewhere.
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError
    return dict(pairs)


def _no_constant(_name: str) -> None:
    raise ValueError


def _malformed() -> OAuthError:
    return invalid_request("The parameter claims could not be read.")
