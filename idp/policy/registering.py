"""Say what a person sets up, confirms or is told on the way, though enough is proved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from idp.core.model import Person, Proof
from idp.policy.counting import CLOCKS_APART, accepted_factors, lasting, opened_now, shown_within
from idp.policy.model import Facts, Register, Rule

# How old the proof of another method may be for one to be added.
RECENT = timedelta(minutes=15)


def enrolment_open(matching: Sequence[Rule], counted: Sequence[Proof]) -> bool:
    """Say whether a first method may be set up from what was proved."""
    with_pass = any(rule.controls.enrol_with_pass for rule in matching)
    return not with_pass or any(proof.factor == "pass" for proof in counted)


def to_set_up(
    matching: Sequence[Rule], facts: Facts, person: Person, counted: Sequence[Proof]
) -> Register | None:
    """Return what a person sets up before going on, though enough is proved.

    Whoever gets in by a stand-in and has no method of their own, would have none the next time. To
    whoever set up a first method another is recommended, and they get recovery codes, with a fresh
    proof of their own: a pass that ends in an hour must not make codes that never do. Then come the
    campaigns.
    """
    accepted, wished = accepted_factors(matching, facts), facts.request.register
    if wished in accepted and not person.may_enrol and "registered" not in facts.confirmed:
        return _register(_wished(facts, counted, wished))
    if facts.request.silent:
        return None
    fresh = {proof.factor for proof in shown_within(facts, counted, CLOCKS_APART)}
    mine = bool(lasting(fresh, facts.worths))
    if not opened_now(facts, counted):
        # Whoever shows a method of their own does not get around what is required by an old password.
        required = _campaigned(matching, facts, accepted) if mine and not wished else None
        return required if required is not None and not required.optional else None
    if person.may_enrol:
        helped = any(facts.worths[factor].stand_in for factor in fresh)
        if not helped or not enrolment_open(matching, counted):
            return None
        return _register(one for one in lasting(facts.enrollable, facts.worths) if one in accepted)
    if not mine:
        return None
    if person.recovery_due:
        codes = {"recovery"} & accepted & {*facts.enrollable}
        return _recommended(facts, accepted) or _register(codes)
    return None if wished else _campaigned(matching, facts, accepted)


def _register(factors: Iterable[str]) -> Register | None:
    found = tuple(factors)
    return Register(factors=found) if found else None


def _wished(facts: Facts, counted: Sequence[Proof], factor: str) -> tuple[str, ...]:
    """Return the factor that a person wishes to set up, if something they have was shown just now.

    Recovery codes are made behind a method of one's own only, as in `to_set_up`.
    """
    recent = {proof.factor for proof in shown_within(facts, counted, RECENT)}
    shown = lasting(recent, facts.worths) or (factor != "recovery" and recent - {"password"})
    return (factor,) if shown and factor in facts.enrollable and not facts.request.silent else ()


def _recommended(facts: Facts, accepted: frozenset[str]) -> Register | None:
    """Return what to add to the only method, set up in this very sign-in; nobody has to."""
    has = lasting(facts.registered, facts.worths)
    if facts.request.register or "registered" not in facts.confirmed or "later" in facts.confirmed:
        return None
    if len(has) != 1:
        return None
    others = lasting(facts.enrollable, facts.worths)
    # What is on the same phone is lost with it.
    lost = {facts.worths[factor].resets or factor for factor in has}
    found = tuple(
        factor
        for factor in others
        if factor in accepted and (facts.worths[factor].resets or factor) not in lost
    )
    return Register(factors=found, left=None) if found else None


def _campaigned(matching: Sequence[Rule], facts: Facts, accepted: frozenset[str]) -> Register | None:
    """Return what a campaign asks for: one that can't be put off before one that can.

    A method that was set up in this sign-in is enough for once.
    """
    if "registered" in facts.confirmed:
        return None
    asked = [one for rule in matching if (one := _campaign(rule, facts, accepted)) is not None]
    open_now = (one for one in asked if not one.optional or "later" not in facts.confirmed)
    return min(open_now, key=lambda one: one.optional, default=None)


def _campaign(rule: Rule, facts: Facts, accepted: frozenset[str]) -> Register | None:
    """Return what a rule's campaign asks for, unless it is there, or was put off not long ago."""
    campaign, snoozed = rule.controls.campaign, facts.snoozed.get(rule.id)
    if campaign is None or not {*campaign.methods}.isdisjoint(facts.registered):
        return None
    if snoozed is not None and facts.now - snoozed.at < timedelta(days=campaign.days):
        return None
    own = lasting(facts.enrollable, facts.worths)
    found = tuple(one for one in own if one in campaign.methods and one in accepted)
    left = max(0, campaign.snoozes - (snoozed.times if snoozed else 0))
    return Register(factors=found, left=left, rule=rule.id) if found else None


def to_tell(
    matching: Sequence[Rule], facts: Facts, person: Person, counted: Sequence[Proof]
) -> tuple[str, ...]:
    """Return what a person is told or asked of their methods before going on.

    After a recovery code, how many are left; after a while, whether the methods are still right.
    """
    if facts.request.silent:
        return ()
    used = any(proof.factor == "recovery" and proof.at >= facts.started_at for proof in counted)
    stale = _stale(matching, facts, person, counted)
    return (*(("codes",) if used else ()), *(("methods",) if stale else ()))


def _stale(matching: Sequence[Rule], facts: Facts, person: Person, counted: Sequence[Proof]) -> bool:
    days = [rule.controls.reconfirm_days for rule in matching if rule.controls.reconfirm_days is not None]
    fresh = {proof.factor for proof in shown_within(facts, counted, CLOCKS_APART)}
    if not days or not lasting(fresh, facts.worths) or not opened_now(facts, counted):
        return False
    seen = person.methods_seen_at
    return seen is None or facts.now - seen >= timedelta(days=min(days))
