"""Release attributes to a partner as its list says, and keep a trace of what was and wasn't."""

from __future__ import annotations

from dataclasses import dataclass

from idp.core.model import Claim, Partner, Person

DEFAULT_RELEASE = ("uid", "mail", "displayName")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLine:
    """What became of one name on the list: how many claims it gave."""

    rule: str
    claims: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The claims for a partner and how they came about."""

    claims: tuple[Claim, ...]
    trace: tuple[TraceLine, ...]


def release(person: Person, partner: Partner) -> Released:
    """Return the claims that the partner's release list allows about a person."""
    claims: list[Claim] = []
    trace: list[TraceLine] = []
    for name in partner.release:
        rule = f"release:{name}"
        values = person.attributes.get(name, ())
        claims.extend(Claim(type=name, value=value, issuer=partner.issuer, rule=rule) for value in values)
        trace.append(TraceLine(rule=rule, claims=len(values)))
    return Released(claims=tuple(claims), trace=tuple(trace))
