"""Say which rules apply to a sign-in, and what they demand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from idp.core.ids import fold
from idp.core.model import AccessPolicy, Person, Proof, Strength
from idp.policy.model import Conditions, Facts, Rule
from idp.policy.networks import within

# Applies whatever the stored rules say nothing about: nobody gets in with one factor unless an
# administrator wrote a rule that says so.
DEFAULT_STRENGTH = Strength.TWO


def matching_rules(rules: Sequence[Rule], facts: Facts, own: Sequence[Proof]) -> tuple[Rule, ...]:
    """Return the rules whose conditions all hold."""
    person, groups = names_of(facts.person)
    return tuple(
        rule
        for rule in rules
        if rule.enabled
        and _concerns(rule.conditions, person, groups)
        and _any(rule.conditions.partners, {facts.partner.id, facts.partner.identifier})
        and _from(rule.conditions, facts.address)
        and _old_enough(rule.conditions.older_than, facts, own)
    )


def _concerns(conditions: Conditions, person: frozenset[str], groups: frozenset[str]) -> bool:
    return (
        _any(folded(conditions.people), person)
        and _any(folded(conditions.groups), groups)
        and person.isdisjoint(folded(conditions.except_people))
        and groups.isdisjoint(folded(conditions.except_groups))
    )


def names_of(person: Person | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return what a person and their groups are called in rules, folded."""
    if person is None:
        return frozenset(), frozenset()
    return frozenset({fold(person.id), fold(person.name)}), frozenset(map(fold, person.groups))


@lru_cache(maxsize=1024)
def folded(names: tuple[str, ...]) -> frozenset[str]:
    """Return names as they are compared."""
    # As names are looked up: a rule on "Alice" that missed "alice" would fail open.
    return frozenset(map(fold, names))


def _any(wanted: Iterable[str], present: Iterable[str]) -> bool:
    wanted = frozenset(wanted)
    return not wanted or not wanted.isdisjoint(present)


def _from(conditions: Conditions, address: str) -> bool:
    if not conditions.networks:
        return True
    return within(address, conditions.networks) is not conditions.outside


def _old_enough(older_than: int | None, facts: Facts, own: Sequence[Proof]) -> bool:
    if older_than is None:
        return True
    # A factor that was proved again is as young as its last proof, or the rule would never let go.
    latest = {proof.factor: proof.at for proof in sorted(own, key=lambda proof: proof.at)}
    return any((facts.now - at).total_seconds() >= older_than for at in latest.values())


def required_strength(matching: Sequence[Rule], asked: Strength | None) -> Strength:
    """Return the greatest strength that a rule or the partner demands."""
    by_rule = [rule.controls.strength for rule in matching if rule.controls.strength is not None]
    # What the partner asks for can raise the demand, never lower it.
    wanted = [*(by_rule or [DEFAULT_STRENGTH]), *([asked] if asked is not None else [])]
    return max(wanted, key=lambda strength: strength.rank)


def may_enter(access: AccessPolicy, person: Person) -> bool:
    """Say whether an application lets a person in."""
    if not access.people and not access.groups:
        return True
    names, groups = names_of(person)
    return not names.isdisjoint(folded(access.people)) or not groups.isdisjoint(folded(access.groups))
