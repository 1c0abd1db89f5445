"""Decide what a sign-in needs next: one pure function over rules and facts.

What-if, replay and "why was I asked?" call the same function with recorded facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from idp.core.errors import Reason
from idp.core.model import Kind, Offer, Person, Proof, Strength
from idp.policy import reset
from idp.policy.counting import (
    accepted_factors,
    age_limit,
    counted_proofs,
    kinds_of,
    lasting,
    opened,
    opened_now,
    own_proofs,
    reached_strength,
    remember_days,
)
from idp.policy.matching import matching_rules, may_enter, required_strength
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
)
from idp.policy.registering import enrolment_open, to_set_up, to_tell


def decide(rules: Sequence[Rule], facts: Facts) -> Decision:
    """Return the verdict on the facts and its grounds. Never raises on data from outside."""
    own, matching = _standing(rules, facts)
    required = required_strength(matching, facts.request.strength)
    counted = counted_proofs(matching, facts, own)
    reached = reached_strength(counted)
    verdict = _verdict(matching, facts, counted, reached, required)
    return Decision(
        verdict=_silenced(verdict, facts, counted) if facts.request.silent else verdict,
        rules=tuple(rule.id for rule in matching),
        counted=counted,
        reached=reached,
        required=required,
        opened=opened(facts, counted),
        remember=_rememberable(matching, facts, required),
    )


def _standing(rules: Sequence[Rule], facts: Facts) -> tuple[tuple[Proof, ...], tuple[Rule, ...]]:
    """Return the person's own proofs and the rules that match.

    Where a rule about old proofs matches only for what a browser stands in for, that is asked anew:
    else the rule would hold until the browser is forgotten.
    """
    own = own_proofs(facts)
    matching = matching_rules(rules, facts, own)
    shown = tuple(proof for proof in own if not proof.remembered)
    if len(shown) == len(own):
        return own, matching
    without = matching_rules(rules, facts, shown)
    return (own, matching) if without == matching else (shown, without)


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
    if facts.person is None or not opened(facts, counted):
        return _start(matching, facts)
    # Before any denial: whoever wants to switch accounts must not be told no for the old one.
    if "account" in facts.request.confirm and "account" not in facts.confirmed:
        return Confirm(what="account")
    denied = _denied(matching, facts, facts.person)
    if denied is not None:
        return denied
    if facts.request.reset:
        return reset.more(facts, counted, accepted_factors(matching, facts), required)
    if reached is None or reached.rank < required.rank:
        return _more(matching, facts, counted, required)
    registering = to_set_up(matching, facts, facts.person, counted)
    if registering is not None:
        # Nothing is set up behind a password of an hour ago; only who wishes for it came another way.
        late = bool(registering.rule) and not opened_now(facts, counted)
        return _start(matching, facts) if late else registering
    asked = (*_questions(facts), *to_tell(matching, facts, facts.person, counted))
    open_questions = [what for what in asked if what not in facts.confirmed]
    return Confirm(what=open_questions[0]) if open_questions else Issue()


def _rememberable(matching: Sequence[Rule], facts: Facts, required: Strength) -> int:
    """Return for how many days a browser may stand in here: 0 where it would never count."""
    never = required is Strength.PHISHING_RESISTANT or age_limit(matching, facts) is not None
    return 0 if never else remember_days(matching)


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
    if not may_enter(facts.partner.access, person):
        return Deny(reason=Reason.ACCESS, rule="access policy of the application")
    return None


# What to do next ------------------------------------------------------------------------------
def _start(matching: Sequence[Rule], facts: Facts) -> Verdict:
    if facts.request.reset:
        return reset.start(facts, accepted_factors(matching, facts))
    accepted, worths = accepted_factors(matching, facts), facts.worths
    offers = tuple(offer for offer in facts.offers if offer.factor in accepted and worths[offer.factor].first)
    return Ask(offers=offers or (Offer(factor="password"),))


def _more(matching: Sequence[Rule], facts: Facts, counted: tuple[Proof, ...], required: Strength) -> Verdict:
    useful = _useful([offer.factor for offer in facts.offers], matching, facts, counted, required)
    if useful:
        offers = (offer for offer in facts.offers if offer.factor in useful)
        return Ask(offers=_ordered(offers, matching, facts))
    # Only who never registered anything: else a stolen password would be enough to set up a
    # second factor and step past the one that is there.
    if facts.person is not None and facts.person.may_enrol and enrolment_open(matching, counted):
        own = lasting(facts.enrollable, facts.worths)
        factors = _useful(own, matching, facts, counted, required)
        if factors:
            return Register(factors=factors) if opened_now(facts, counted) else _start(matching, facts)
    asked_too_much = required_strength(matching, None).rank < required.rank
    return Deny(reason=Reason.CONTEXT if asked_too_much else Reason.NO_METHOD)


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
    accepted, kinds = accepted_factors(matching, facts), kinds_of(counted)
    useful = tuple(
        factor for factor in factors if factor in accepted and _helps(facts.worths[factor], kinds, required)
    )
    worths = [facts.worths[factor] for factor in useful]
    resistant = any(proof.phishing_resistant for proof in counted) or any(
        worth.phishing_resistant for worth in worths
    )
    enough = len(kinds.union(*(worth.kinds for worth in worths))) >= 2
    return useful if enough and (resistant or required is not Strength.PHISHING_RESISTANT) else ()


def _ordered(offers: Iterable[Offer], matching: Sequence[Rule], facts: Facts) -> tuple[Offer, ...]:
    """Return the offers with what the person prefers first, unless a rule has the strongest first."""
    preferred = facts.person.preferred if facts.person else ""
    if not preferred or any(rule.controls.strongest_first for rule in matching):
        return tuple(offers)
    factor, _, method = preferred.partition(":")
    # Some factors are offered once for all of a person's methods.
    first = {(factor, method), (factor, "")}
    return tuple(sorted(offers, key=lambda offer: (offer.factor, offer.method) not in first))


def _helps(worth: FactorWorth, kinds: frozenset[Kind], required: Strength) -> bool:
    adds_resistance = required is Strength.PHISHING_RESISTANT and worth.phishing_resistant
    return adds_resistance or not worth.kinds <= kinds


def _silenced(verdict: Verdict, facts: Facts, counted: Sequence[Proof]) -> Verdict:
    """Turn whatever needs a page into a denial: IsPassive, prompt=none (OIDC core 3.1.2.6)."""
    match verdict:
        case Ask() if not opened(facts, counted):
            return Deny(reason=Reason.LOGIN_REQUIRED)
        case Confirm(what="consent"):
            return Deny(reason=Reason.CONSENT_REQUIRED)
        case Ask() | Register() | Confirm() | Reset():
            return Deny(reason=Reason.INTERACTION_REQUIRED)
        case Deny(reason=Reason.OTHER_PERSON | Reason.PERSON_DISABLED | Reason.BLOCKED):
            return Deny(reason=Reason.LOGIN_REQUIRED)
        case _:
            return verdict
