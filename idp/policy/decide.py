"""Decide what a sign-in needs next: one pure function over rules and facts.

What-if, replay and "why was I asked?" call the same function with recorded facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from idp.core.errors import Reason
from idp.core.model import Kind, Offer, Partner, Person, Proof, Strength
from idp.policy.model import (
    FACTORS,
    Ask,
    Conditions,
    Confirm,
    Decision,
    Deny,
    Facts,
    Issue,
    Register,
    Rule,
    Verdict,
)

# Applies whatever the stored rules say nothing about: nobody gets in with one factor unless an
# administrator wrote a rule that says so.
DEFAULT_STRENGTH = Strength.TWO


def decide(rules: Sequence[Rule], facts: Facts) -> Decision:
    """Return the verdict on the facts and its grounds. Never raises on data from outside."""
    matching = tuple(rule for rule in rules if rule.enabled and _applies(rule.conditions, facts))
    required = _required(matching, facts)
    counted = _counted(matching, facts)
    reached = _reached(counted)
    verdict = _verdict(matching, facts, counted, reached, required)
    return Decision(
        verdict=_silenced(verdict, facts, counted) if facts.request.silent else verdict,
        rules=tuple(rule.id for rule in matching),
        counted=counted,
        reached=reached,
        required=required,
    )


def _verdict(
    matching: Sequence[Rule],
    facts: Facts,
    counted: tuple[Proof, ...],
    reached: Strength | None,
    required: Strength,
) -> Verdict:
    person = facts.person
    denying = next((rule for rule in matching if rule.controls.deny), None)
    if denying is not None and (person is None or counted):
        return Deny(reason=Reason.ACCESS, rule=denying.name)
    if person is None or not counted:
        return _start(facts)
    if not person.enabled:
        return Deny(reason=Reason.PERSON_DISABLED)
    if facts.request.expected_person not in ("", person.id):
        return Deny(reason=Reason.OTHER_PERSON)
    if not _may_enter(facts.partner, person):
        return Deny(reason=Reason.ACCESS, rule="access policy of the application")
    if "account" in facts.request.confirm and "account" not in facts.confirmed:
        return Confirm(what="account")
    if reached is None or reached.rank < required.rank:
        return _more(matching, facts, counted, required)
    open_questions = [what for what in facts.request.confirm if what not in facts.confirmed]
    return Confirm(what=open_questions[0]) if open_questions else Issue()


# What is required -----------------------------------------------------------------------------
def _applies(conditions: Conditions, facts: Facts) -> bool:
    person, groups = _names(facts.person)
    return (
        _any(conditions.people, person)
        and _any(conditions.groups, groups)
        and _any(conditions.partners, {facts.partner.id, facts.partner.identifier})
        and _from(conditions, facts.address)
        and _old_enough(conditions.older_than, facts)
        and not (set(conditions.except_people) & person)
        and not (set(conditions.except_groups) & groups)
    )


def _names(person: Person | None) -> tuple[set[str], set[str]]:
    if person is None:
        return set(), set()
    return {person.id, person.name}, set(person.groups)


def _any(wanted: Sequence[str], present: set[str]) -> bool:
    return not wanted or not present.isdisjoint(wanted)


def _from(conditions: Conditions, address: str) -> bool:
    if not conditions.networks:
        return True
    return within(address, conditions.networks) is not conditions.outside


def within(address: str, networks: Iterable[str]) -> bool:
    """Say whether an address lies in one of the CIDR blocks; one that can't be read never does."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in ip_network(network, strict=False) for network in networks)


def _old_enough(older_than: int | None, facts: Facts) -> bool:
    if older_than is None:
        return True
    oldest = min((proof.at for proof in facts.proofs), default=None)
    return oldest is not None and facts.now - oldest >= timedelta(seconds=older_than)


def _required(matching: Sequence[Rule], facts: Facts) -> Strength:
    by_rule = [rule.controls.strength for rule in matching if rule.controls.strength is not None]
    wanted = by_rule or [DEFAULT_STRENGTH]
    if facts.request.strength is not None:
        # What the partner asks for can raise the demand, never lower it.
        wanted = [*wanted, facts.request.strength]
    return max(wanted, key=lambda strength: strength.rank)


def _may_enter(partner: Partner, person: Person) -> bool:
    access = partner.access
    if not access.people and not access.groups:
        return True
    return not {person.id, person.name}.isdisjoint(access.people) or not set(
        person.groups
    ).isdisjoint(access.groups)


# What counts ----------------------------------------------------------------------------------
def _counted(matching: Sequence[Rule], facts: Facts) -> tuple[Proof, ...]:
    if facts.person is None:
        return ()
    accepted = _accepted(matching)
    since = _not_before(matching, facts)
    return tuple(
        _at_most(proof)
        for proof in facts.proofs
        if proof.person == facts.person.id
        and proof.factor in accepted
        and (since is None or proof.at >= since)
        and proof.at <= facts.now
    )


def _accepted(matching: Sequence[Rule]) -> frozenset[str]:
    accepted = frozenset(FACTORS)
    for rule in matching:
        if rule.controls.methods:
            accepted &= {*rule.controls.methods, "password"}
    return accepted


def _not_before(matching: Sequence[Rule], facts: Facts) -> datetime | None:
    limits = [
        rule.controls.fresh_within
        for rule in matching
        if rule.controls.fresh_within is not None
    ]
    if facts.request.max_age is not None:
        limits.append(facts.request.max_age)
    if facts.request.force:
        limits.append(0)
    # Measured from the start, so that what this very sign-in proved is never too old for it.
    return facts.started_at - timedelta(seconds=max(0, min(limits))) if limits else None


def _at_most(proof: Proof) -> Proof:
    """Cut a proof down to what its factor can be worth, whatever it says of itself."""
    worth = FACTORS[proof.factor]
    return replace(
        proof,
        kinds=proof.kinds & worth.kinds,
        phishing_resistant=proof.phishing_resistant and worth.phishing_resistant,
    )


def _reached(counted: Sequence[Proof]) -> Strength | None:
    kinds = _kinds(counted)
    if len(kinds) >= 2:
        resistant = any(proof.phishing_resistant for proof in counted)
        return Strength.PHISHING_RESISTANT if resistant else Strength.TWO
    return Strength.ONE if kinds else None


def _kinds(proofs: Iterable[Proof]) -> frozenset[Kind]:
    return frozenset(kind for proof in proofs for kind in proof.kinds)


# What to do next ------------------------------------------------------------------------------
def _start(facts: Facts) -> Verdict:
    offers = tuple(offer for offer in facts.offers if FACTORS[offer.factor].first)
    return Ask(offers=offers or (Offer(factor="password"),))


def _more(
    matching: Sequence[Rule], facts: Facts, counted: tuple[Proof, ...], required: Strength
) -> Verdict:
    accepted = _accepted(matching)
    useful = tuple(
        offer
        for offer in facts.offers
        if offer.factor in accepted and _helps(offer.factor, counted, required)
    )
    if useful and _attainable(useful, counted, required):
        return Ask(offers=useful)
    by_registering = tuple(
        factor
        for factor in facts.enrollable
        if factor in accepted and _helps(factor, counted, required)
    )
    registered = tuple(Offer(factor=factor) for factor in by_registering)
    if by_registering and _attainable(registered, counted, required):
        return Register(factors=by_registering)
    context = facts.request.strength
    asked_too_much = context is not None and context.rank > _required(
        matching, replace(facts, request=replace(facts.request, strength=None))
    ).rank
    return Deny(reason=Reason.CONTEXT if asked_too_much else Reason.NO_METHOD)


def _helps(factor: str, counted: Sequence[Proof], required: Strength) -> bool:
    worth = FACTORS[factor]
    adds_resistance = required is Strength.PHISHING_RESISTANT and worth.phishing_resistant
    return adds_resistance or not worth.kinds <= _kinds(counted)


def _attainable(offers: Sequence[Offer], counted: Sequence[Proof], required: Strength) -> bool:
    """Say whether answering these would be enough: nobody is asked for what leads nowhere."""
    worths = [FACTORS[offer.factor] for offer in offers]
    kinds = _kinds(counted).union(*(worth.kinds for worth in worths))
    resistant = any(proof.phishing_resistant for proof in counted) or any(
        worth.phishing_resistant for worth in worths
    )
    if required is Strength.ONE:
        return bool(kinds)
    return len(kinds) >= 2 and (required is Strength.TWO or resistant)


def _silenced(verdict: Verdict, facts: Facts, counted: Sequence[Proof]) -> Verdict:
    """Turn whatever needs a page into a denial: IsPassive, prompt=none (OIDC core 3.1.2.6)."""
    match verdict:
        case Ask() if facts.person is None or not counted:
            return Deny(reason=Reason.LOGIN_REQUIRED)
        case Confirm(what="consent"):
            return Deny(reason=Reason.CONSENT_REQUIRED)
        case Ask() | Register() | Confirm():
            return Deny(reason=Reason.INTERACTION_REQUIRED)
        case Deny(reason=Reason.OTHER_PERSON | Reason.PERSON_DISABLED):
            return Deny(reason=Reason.LOGIN_REQUIRED)
        case _:
            return verdict
