"""Decide what a sign-in needs next: one pure function over rules and facts.

What-if, replay and "why was I asked?" call the same function with recorded facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from idp.core.errors import Reason
from idp.core.ids import fold
from idp.core.model import AccessPolicy, Kind, Offer, Person, Proof, Strength
from idp.policy import reset
from idp.policy.model import (
    Ask,
    Conditions,
    Confirm,
    Decision,
    Deny,
    FactorWorth,
    Facts,
    Issue,
    Register,
    Reset,
    Rule,
    Verdict,
    Worths,
)
from idp.policy.networks import within

# Applies whatever the stored rules say nothing about: nobody gets in with one factor unless an
# administrator wrote a rule that says so.
DEFAULT_STRENGTH = Strength.TWO

# How old the proof of another method may be for one to be added.
RECENT = timedelta(minutes=15)

# How far the clocks of two nodes may be apart: a proof made on one is read on another within
# milliseconds. What lies further in the future was never made.
CLOCKS_APART = timedelta(seconds=10)


def decide(rules: Sequence[Rule], facts: Facts) -> Decision:
    """Return the verdict on the facts and its grounds. Never raises on data from outside."""
    own = _own(facts)
    matching = _matching(rules, facts, own)
    required = _required(matching, facts.request.strength)
    counted = _counted(matching, facts, own)
    reached = _reached(counted)
    verdict = _verdict(matching, facts, counted, reached, required)
    return Decision(
        verdict=_silenced(verdict, facts, counted) if facts.request.silent else verdict,
        rules=tuple(rule.id for rule in matching),
        counted=counted,
        reached=reached,
        required=required,
        opened=_opened(facts, counted),
    )


def _verdict(
    matching: Sequence[Rule],
    facts: Facts,
    counted: tuple[Proof, ...],
    reached: Strength | None,
    required: Strength,
) -> Verdict:
    closed = _closed(matching, facts)
    if closed is not None:
        return closed
    if facts.person is None or not _opened(facts, counted):
        return _start(matching, facts)
    # Before any denial: whoever wants to switch accounts must not be told no for the old one.
    if "account" in facts.request.confirm and "account" not in facts.confirmed:
        return Confirm(what="account")
    denied = _denied(matching, facts, facts.person)
    if denied is not None:
        return denied
    if facts.request.reset:
        return reset.more(facts, counted, _accepted(matching, facts), required)
    if reached is None or reached.rank < required.rank:
        return _more(matching, facts, counted, required)
    due = _due(matching, facts, facts.person, counted)
    if due:
        return Register(factors=due)
    asked = (*_questions(facts), *_told(facts, counted))
    open_questions = [what for what in asked if what not in facts.confirmed]
    return Confirm(what=open_questions[0]) if open_questions else Issue()


def _questions(facts: Facts) -> tuple[str, ...]:
    """Return what the partner wants asked, and consent where it is needed and was not given before."""
    asked = facts.request.confirm
    lacking = not facts.agreed.issuperset(facts.request.consent)
    return (*asked, "consent") if lacking and "consent" not in asked else asked


def _closed(matching: Sequence[Rule], facts: Facts) -> Deny | None:
    """Say no to everyone alike, before anything is known about who asks."""
    if not facts.partner.enabled:
        return Deny(reason=Reason.ACCESS, rule="the application is disabled")
    for rule in matching:
        if rule.controls.deny and not _about_person(rule.conditions):
            return Deny(reason=Reason.ACCESS, rule=rule.name)
    return None


def _about_person(conditions: Conditions) -> bool:
    # An exception counts too: until the person is known, they may be the excepted one.
    listed = (conditions.people, conditions.groups, conditions.except_people, conditions.except_groups)
    return any(listed) or conditions.older_than is not None


def _denied(matching: Sequence[Rule], facts: Facts, person: Person) -> Deny | None:
    if not person.enabled:
        return Deny(reason=Reason.PERSON_DISABLED)
    if person.blocked_until is not None and facts.now < person.blocked_until:
        return Deny(reason=Reason.BLOCKED)
    if facts.request.expected_person not in ("", person.id):
        return Deny(reason=Reason.OTHER_PERSON)
    denying = next((rule for rule in matching if rule.controls.deny), None)
    if denying is not None:
        return Deny(reason=Reason.ACCESS, rule=denying.name)
    if not _may_enter(facts.partner.access, person):
        return Deny(reason=Reason.ACCESS, rule="access policy of the application")
    return None


# What is required -----------------------------------------------------------------------------
def _matching(rules: Sequence[Rule], facts: Facts, own: Sequence[Proof]) -> tuple[Rule, ...]:
    person, groups = _names(facts.person)
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
        _any(_folded(conditions.people), person)
        and _any(_folded(conditions.groups), groups)
        and person.isdisjoint(_folded(conditions.except_people))
        and groups.isdisjoint(_folded(conditions.except_groups))
    )


def _names(person: Person | None) -> tuple[frozenset[str], frozenset[str]]:
    if person is None:
        return frozenset(), frozenset()
    return frozenset({fold(person.id), fold(person.name)}), frozenset(map(fold, person.groups))


@lru_cache(maxsize=1024)
def _folded(names: tuple[str, ...]) -> frozenset[str]:
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


def _required(matching: Sequence[Rule], asked: Strength | None) -> Strength:
    by_rule = [rule.controls.strength for rule in matching if rule.controls.strength is not None]
    # What the partner asks for can raise the demand, never lower it.
    wanted = [*(by_rule or [DEFAULT_STRENGTH]), *([asked] if asked is not None else [])]
    return max(wanted, key=lambda strength: strength.rank)


def _may_enter(access: AccessPolicy, person: Person) -> bool:
    if not access.people and not access.groups:
        return True
    names, groups = _names(person)
    return not names.isdisjoint(_folded(access.people)) or not groups.isdisjoint(_folded(access.groups))


# What counts ----------------------------------------------------------------------------------
def _own(facts: Facts) -> tuple[Proof, ...]:
    """Return the proofs that this person really made, each cut down to what it can be worth."""
    if facts.person is None:
        return ()
    proofs = (
        _at_most(proof, facts.worths[proof.factor])
        for proof in facts.proofs
        if proof.person == facts.person.id
        and (facts.person.proofs_from is None or proof.at >= facts.person.proofs_from)
        and proof.factor in facts.worths
        and proof.at - facts.now <= CLOCKS_APART
    )
    return tuple(proof for proof in proofs if proof.kinds)


def _at_most(proof: Proof, worth: FactorWorth) -> Proof:
    return replace(
        proof,
        kinds=proof.kinds & worth.kinds,
        amr=tuple(value for value in proof.amr if value in worth.amr),
        phishing_resistant=proof.phishing_resistant and worth.phishing_resistant,
    )


def _counted(matching: Sequence[Rule], facts: Facts, own: Sequence[Proof]) -> tuple[Proof, ...]:
    accepted = _accepted(matching, facts)
    limit = _age_limit(matching, facts)
    # Measured from the start, so that what this very sign-in proved is never too old for it. In
    # plain numbers: max_age comes from the request, and a huge one overflows dates.
    return tuple(
        proof
        for proof in own
        if proof.factor in accepted
        and (limit is None or (facts.started_at - proof.at).total_seconds() <= limit)
        and (not facts.request.reset or reset.counts(facts, proof))
    )


def _accepted(matching: Sequence[Rule], facts: Facts) -> frozenset[str]:
    accepted = frozenset(facts.worths)
    for rule in matching:
        if rule.controls.methods:
            accepted &= {*rule.controls.methods, "password"}
    return accepted


def _age_limit(matching: Sequence[Rule], facts: Facts) -> int | None:
    limits = [rule.controls.fresh_within for rule in matching]
    limits += [facts.request.max_age, 0 if facts.request.force else None]
    given = [max(0, limit) for limit in limits if limit is not None]
    return min(given, default=None)


def _reached(counted: Sequence[Proof]) -> Strength | None:
    kinds = _kinds(counted)
    if len(kinds) >= 2:
        resistant = any(proof.phishing_resistant for proof in counted)
        return Strength.PHISHING_RESISTANT if resistant else Strength.TWO
    return Strength.ONE if kinds else None


def _kinds(proofs: Iterable[Proof]) -> frozenset[Kind]:
    return frozenset(kind for proof in proofs for kind in proof.kinds)


def _opened(facts: Facts, counted: Sequence[Proof]) -> bool:
    """Say whether a factor that may open a sign-in counts, shown in full.

    A fresh code alone, over a stale password, is no sign-in; nor is a passkey that did not ask who
    holds it.
    """
    if facts.request.reset:
        return reset.begun(facts, counted)
    worths = ((proof, facts.worths[proof.factor]) for proof in counted)
    return any(worth.first and proof.kinds == worth.kinds for proof, worth in worths)


def _opened_now(facts: Facts, counted: Sequence[Proof]) -> bool:
    """Say so of this very sign-in: who finds a browser signed in with one factor sets up no second."""
    return _opened(facts, _fresh(facts, counted))


def _fresh(facts: Facts, counted: Sequence[Proof]) -> tuple[Proof, ...]:
    """Return what was proved in this very sign-in."""
    return tuple(proof for proof in counted if facts.started_at - proof.at <= CLOCKS_APART)


# What to do next ------------------------------------------------------------------------------
def _start(matching: Sequence[Rule], facts: Facts) -> Verdict:
    if facts.request.reset:
        return reset.start(facts, _accepted(matching, facts))
    accepted, worths = _accepted(matching, facts), facts.worths
    offers = tuple(offer for offer in facts.offers if offer.factor in accepted and worths[offer.factor].first)
    return Ask(offers=offers or (Offer(factor="password"),))


def _more(matching: Sequence[Rule], facts: Facts, counted: tuple[Proof, ...], required: Strength) -> Verdict:
    useful = _useful([offer.factor for offer in facts.offers], matching, facts, counted, required)
    if useful:
        return Ask(offers=tuple(offer for offer in facts.offers if offer.factor in useful))
    # Only who never registered anything: else a stolen password would be enough to set up a
    # second factor and step past the one that is there.
    if facts.person is not None and facts.person.may_enrol and _enrolment_open(matching, counted):
        lasting = _lasting(facts.enrollable, facts.worths)
        factors = _useful(lasting, matching, facts, counted, required)
        if factors:
            return Register(factors=factors) if _opened_now(facts, counted) else _start(matching, facts)
    asked_too_much = _required(matching, None).rank < required.rank
    return Deny(reason=Reason.CONTEXT if asked_too_much else Reason.NO_METHOD)


def _enrolment_open(matching: Sequence[Rule], counted: Sequence[Proof]) -> bool:
    with_pass = any(rule.controls.enrol_with_pass for rule in matching)
    return not with_pass or any(proof.factor == "pass" for proof in counted)


def _due(matching: Sequence[Rule], facts: Facts, person: Person, counted: Sequence[Proof]) -> tuple[str, ...]:
    """Return what a person sets up before going on, though enough is proved: one of these.

    Whoever gets in by a stand-in and has no method of their own, would have none the next time.
    Whoever set up a first method gets recovery codes, with a fresh proof of their own: a pass that
    ends in an hour must not make codes that never do.
    """
    accepted, worths, wished = _accepted(matching, facts), facts.worths, facts.request.register
    if wished in accepted and not person.may_enrol and "registered" not in facts.confirmed:
        return _wished(facts, counted, wished)
    fresh = {proof.factor for proof in _fresh(facts, counted)}
    if facts.request.silent or not _opened_now(facts, counted):
        return ()
    wanted: Iterable[str] = ()
    if person.may_enrol and any(worths[factor].stand_in for factor in fresh):
        wanted = _lasting(facts.enrollable, worths) if _enrolment_open(matching, counted) else ()
    elif person.recovery_due and _lasting(fresh, worths):
        wanted = {"recovery"}.intersection(facts.enrollable)
    return tuple(factor for factor in wanted if factor in accepted)


def _wished(facts: Facts, counted: Sequence[Proof], factor: str) -> tuple[str, ...]:
    """Return the factor that a person wishes to set up, if something they have was shown just now.

    Recovery codes are made behind a method of one's own only, as in `_due`.
    """
    recent = {proof.factor for proof in counted if facts.started_at - proof.at <= RECENT}
    shown = _lasting(recent, facts.worths) or (factor != "recovery" and recent - {"password"})
    return (factor,) if shown and factor in facts.enrollable and not facts.request.silent else ()


def _told(facts: Facts, counted: Sequence[Proof]) -> tuple[str, ...]:
    """Return what a person is told before going on: after a recovery code, how many are left."""
    used = any(proof.factor == "recovery" and proof.at >= facts.started_at for proof in counted)
    return ("codes",) if used and not facts.request.silent else ()


def _lasting(factors: Iterable[str], worths: Worths) -> tuple[str, ...]:
    """Return those of the factors that are something which the person has for good."""
    known = ((factor, worths[factor]) for factor in factors if factor in worths)
    return tuple(factor for factor, worth in known if not worth.stand_in and Kind.HAVE in worth.kinds)


def _useful(
    factors: Sequence[str],
    matching: Sequence[Rule],
    facts: Facts,
    counted: Sequence[Proof],
    required: Strength,
) -> tuple[str, ...]:
    """Return which of the factors bring the person nearer to what is required.

    None when even all together fall short: nobody is asked for what leads nowhere.
    """
    accepted, kinds = _accepted(matching, facts), _kinds(counted)
    useful = tuple(
        factor for factor in factors if factor in accepted and _helps(facts.worths[factor], kinds, required)
    )
    worths = [facts.worths[factor] for factor in useful]
    resistant = any(proof.phishing_resistant for proof in counted)
    resistant = resistant or any(worth.phishing_resistant for worth in worths)
    enough = len(kinds.union(*(worth.kinds for worth in worths))) >= 2
    return useful if enough and (resistant or required is not Strength.PHISHING_RESISTANT) else ()


def _helps(worth: FactorWorth, kinds: frozenset[Kind], required: Strength) -> bool:
    adds_resistance = required is Strength.PHISHING_RESISTANT and worth.phishing_resistant
    return adds_resistance or not worth.kinds <= kinds


def _silenced(verdict: Verdict, facts: Facts, counted: Sequence[Proof]) -> Verdict:
    """Turn whatever needs a page into a denial: IsPassive, prompt=none (OIDC core 3.1.2.6)."""
    match verdict:
        case Ask() if not _opened(facts, counted):
            return Deny(reason=Reason.LOGIN_REQUIRED)
        case Confirm(what="consent"):
            return Deny(reason=Reason.CONSENT_REQUIRED)
        case Ask() | Register() | Confirm() | Reset():
            return Deny(reason=Reason.INTERACTION_REQUIRED)
        case Deny(reason=Reason.OTHER_PERSON | Reason.PERSON_DISABLED | Reason.BLOCKED):
            return Deny(reason=Reason.LOGIN_REQUIRED)
        case _:
            return verdict
