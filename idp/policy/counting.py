"""Say which proofs count in a sign-in, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from idp.core.model import Kind, Proof, Strength
from idp.policy import reset
from idp.policy.model import FactorWorth, Facts, Rule, Worths

# How far the clocks of two nodes may be apart: a proof made on one is read on another within
# milliseconds. What lies further in the future was never made.
CLOCKS_APART = timedelta(seconds=10)


def own_proofs(facts: Facts) -> tuple[Proof, ...]:
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
    if proof.remembered:
        # What stands in is a browser that the person has: it says no more than that.
        had = proof.kinds & worth.kinds & {Kind.HAVE} if not worth.stand_in else frozenset[Kind]()
        return replace(proof, kinds=had, amr=(), phishing_resistant=False, user_verified=False)
    return replace(
        proof,
        kinds=proof.kinds & worth.kinds,
        amr=tuple(value for value in proof.amr if value in worth.amr),
        phishing_resistant=proof.phishing_resistant and worth.phishing_resistant,
    )


def counted_proofs(matching: Sequence[Rule], facts: Facts, own: Sequence[Proof]) -> tuple[Proof, ...]:
    """Return those of a person's own proofs that the rules and the request accept."""
    accepted = accepted_factors(matching, facts)
    limit, days = age_limit(matching, facts), remember_days(matching)
    return tuple(
        proof
        for proof in own
        if proof.factor in accepted
        and (_remembered(proof, facts, limit, days) if proof.remembered else _young(proof, facts, limit))
        and (not facts.request.reset or reset.counts(facts, proof))
    )


def _young(proof: Proof, facts: Facts, limit: int | None) -> bool:
    # Measured from the start, so that what this very sign-in proved is never too old for it. In
    # plain numbers: max_age comes from the request, and a huge one overflows dates.
    return limit is None or (facts.started_at - proof.at).total_seconds() <= limit


def _remembered(proof: Proof, facts: Facts, limit: int | None, days: int) -> bool:
    # Whoever wants it fresh wants the person, not their browser.
    return limit is None and days > 0 and facts.started_at - proof.at <= timedelta(days=days)


def remember_days(matching: Sequence[Rule]) -> int:
    """Return for how many days a browser may stand in for the second factor: 0 unless a rule allows it."""
    given = [rule.controls.remember_days for rule in matching if rule.controls.remember_days is not None]
    return min(given, default=0)


def accepted_factors(matching: Sequence[Rule], facts: Facts) -> frozenset[str]:
    """Return the factors that every rule accepts."""
    accepted = frozenset(facts.worths)
    for rule in matching:
        if rule.controls.methods:
            accepted &= {*rule.controls.methods, "password"}
    return accepted


def age_limit(matching: Sequence[Rule], facts: Facts) -> int | None:
    """Return how old a proof may be, in seconds; None when its age does not matter."""
    limits = [rule.controls.fresh_within for rule in matching]
    limits += [facts.request.max_age, 0 if facts.request.force else None]
    given = [max(0, limit) for limit in limits if limit is not None]
    return min(given, default=None)


def reached_strength(counted: Sequence[Proof]) -> Strength | None:
    """Return what the proofs add up to: two factors are two different kinds."""
    kinds = kinds_of(counted)
    if len(kinds) >= 2:
        resistant = any(proof.phishing_resistant for proof in counted)
        return Strength.PHISHING_RESISTANT if resistant else Strength.TWO
    return Strength.ONE if kinds else None


def kinds_of(proofs: Iterable[Proof]) -> frozenset[Kind]:
    """Return every kind that the proofs show."""
    return frozenset(kind for proof in proofs for kind in proof.kinds)


def opened(facts: Facts, counted: Sequence[Proof]) -> bool:
    """Say whether a factor that may open a sign-in counts, shown in full.

    A fresh code alone, over a stale password, is no sign-in; nor is a passkey that did not ask who
    holds it, or a browser that remembers one.
    """
    if facts.request.reset:
        return reset.begun(facts, counted)
    shown = ((proof, facts.worths[proof.factor]) for proof in counted if not proof.remembered)
    return any(worth.first and proof.kinds == worth.kinds for proof, worth in shown)


def opened_now(facts: Facts, counted: Sequence[Proof]) -> bool:
    """Say whether a factor that opens was proved in this very sign-in.

    Whoever finds a browser signed in with one factor must not get to set up the second.
    """
    return opened(facts, shown_within(facts, counted, CLOCKS_APART))


def shown_within(facts: Facts, counted: Sequence[Proof], age: timedelta) -> tuple[Proof, ...]:
    """Return what was shown by the person in this very sign-in, or so shortly before it."""
    return tuple(proof for proof in counted if not proof.remembered and facts.started_at - proof.at <= age)


def lasting(factors: Iterable[str], worths: Worths) -> tuple[str, ...]:
    """Return those of the factors that are something which the person has for good."""
    known = ((factor, worths[factor]) for factor in factors if factor in worths)
    return tuple(factor for factor, worth in known if not worth.stand_in and Kind.HAVE in worth.kinds)
