"""Decide about who forgot the password: what they show instead, and when it is enough for a new one.

What was set up within a day counts for nothing: whoever finds a page open may add ways of their own
there, and must not get the password by them.

Two ways of different kinds, both in this very sign-in, whatever rules say; rules only ask for more. What
is shown so leads to a new password and to nothing else: none of this ever ends in `Issue`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from idp.core.errors import Reason
from idp.core.model import Proof, Strength
from idp.policy.model import Ask, Deny, Facts, Reset, Verdict

_WAYS = 2


def counts(facts: Facts, proof: Proof) -> bool:
    """Say whether a proof counts: of a way beside the password, and never one that a session kept."""
    here = proof.at >= facts.started_at and not proof.remembered
    return here and bool(facts.worths[proof.factor].resets) and proof.method not in facts.young


def begun(facts: Facts, counted: Sequence[Proof]) -> bool:
    """Say whether something was shown, in full, for which nobody had to be sent anything.

    Before that, whoever types a name makes no phone ring, and learns nothing.
    """
    worths = ((proof, facts.worths[proof.factor]) for proof in counted)
    return any(worth.unsent and (proof.kinds == worth.kinds or not worth.first) for proof, worth in worths)


def start(facts: Facts, accepted: Collection[str]) -> Verdict:
    """Ask for the first way, the same of everybody."""
    if any(proof.at >= facts.started_at and proof.method in facts.young for proof in facts.proofs):
        return _NOT_ENOUGH  # the right code of something that was set up just now: not for this
    offers = [one for one in facts.offers if one.factor in accepted and facts.worths[one.factor].unsent]
    # What can be answered on the page of another needs another.
    return Ask(offers=tuple(sorted(offers, key=lambda one: one.beside))) if offers else _NOT_ENOUGH


def more(facts: Facts, counted: Sequence[Proof], accepted: Collection[str], required: Strength) -> Verdict:
    """Ask for another way than the one that was shown, or say that it is enough."""
    if not facts.kept_here:
        return _NOT_ENOUGH
    shown = {facts.worths[proof.factor].resets for proof in counted}
    resistant = required is not Strength.PHISHING_RESISTANT or any(one.phishing_resistant for one in counted)
    if len(shown) >= _WAYS and resistant:
        return Reset()
    ways = {
        factor
        for factor, worth in facts.worths.items()
        if factor in accepted and worth.resets not in {"", *shown} and (resistant or worth.phishing_resistant)
    }
    offers = tuple(one for one in facts.offers if one.factor in ways and one.method not in facts.young)
    return Ask(offers=offers) if offers else _NOT_ENOUGH


_NOT_ENOUGH = Deny(reason=Reason.NO_METHOD)
