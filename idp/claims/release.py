"""Release attributes to a partner as its list says, and keep a trace of what was and wasn't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idp.claims.names import canonical
from idp.core.ids import fold
from idp.core.model import Claim, Partner, Person

# What a new partner gets. An empty list on a partner is no default: it gets nothing.
DEFAULT_RELEASE = ("uid", "mail", "displayName")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLine:
    """What became of one name on the list: how many claims it gave, 0 when nothing is known.

    Holds no values, so that it may be logged.
    """

    rule: str
    claims: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The claims for a partner, in the order of its list, and how they came about."""

    claims: tuple[Claim, ...]
    trace: tuple[TraceLine, ...]


def release(person: Person, partner: Partner, *, wanted: Sequence[str] | None = None) -> Released:
    """Return the claims that the partner's release list allows about a person, and no others.

    wanted narrows the list to what the partner asks for this time.

    Names match in any case, and a claim has its attribute's usual spelling, by which doors look
    for it. Each claim says its rule ("release:mail"), who says it (the partner's issuer) and
    where it comes from (the person's source).
    """
    held = _held(person)
    claims: list[Claim] = []
    trace: list[TraceLine] = []
    asked = None if wanted is None else {fold(canonical(name)) for name in wanted}
    for key, name in {fold(name): canonical(name) for name in partner.release}.items():
        if asked is not None and fold(name) not in asked:
            continue
        rule = f"release:{name}"
        values = held.get(key, ())
        claims.extend(
            Claim(type=name, value=value, issuer=partner.issuer, original_issuer=person.source, rule=rule)
            for value in values
        )
        trace.append(TraceLine(rule=rule, claims=len(values)))
    return Released(claims=tuple(claims), trace=tuple(trace))


def missing(needed: Sequence[str], claims: Sequence[Claim]) -> tuple[str, ...]:
    """Return those of the attributes that none of the claims says."""
    said = {fold(claim.type) for claim in claims if claim.value}
    return tuple(name for name in needed if fold(canonical(name)) not in said)


def values(person: Person, attribute: str) -> tuple[str, ...]:
    """Return what is known of a person under an attribute's name, whether or not it is released."""
    return _held(person).get(fold(canonical(attribute)), ())


def _held(person: Person) -> Mapping[str, tuple[str, ...]]:
    """Return what is known of a person by folded name; what the record says fills gaps only."""
    held = {"uid": (person.name,), "displayname": (person.display_name,), "groups": person.groups}
    # The usual spelling comes last: a source's "UID" must not displace the person's own uid.
    for name in sorted(person.attributes, key=lambda name: name == canonical(name)):
        if any(person.attributes[name]):
            held[fold(name)] = person.attributes[name]
    return {key: tuple(dict.fromkeys(filter(None, values))) for key, values in held.items()}
