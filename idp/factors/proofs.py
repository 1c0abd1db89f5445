"""Make offers of methods, proofs worth what the table of factors says, and what stands for none."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from idp.core.model import Method, Offer, Proof
from idp.policy.model import FACTORS


def offers_of(methods: Iterable[Method]) -> tuple[Offer, ...]:
    """Return one offer for each method."""
    return tuple(Offer(factor=each.factor, method=each.id, label=each.label) for each in methods)


def proof_of(factor: str, *, person: str, method: str = "", at: datetime) -> Proof:
    """Return the proof that a person showed a factor."""
    worth = FACTORS[factor]
    return Proof(person=person, factor=factor, method=method, kinds=worth.kinds, amr=worth.amr, at=at)


def no_proof(factor: str, *, person: str, at: datetime) -> Proof:
    """Return what comes with a method that was handed out: nobody has shown anything by it."""
    return Proof(person=person, factor=factor, kinds=frozenset(), amr=(), at=at)
