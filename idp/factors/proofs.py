"""Make offers of methods, proofs worth what their factor is, and what stands for none."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from idp.core.model import Method, Offer, Proof
from idp.policy.model import FactorWorth


class Worthy(Protocol):
    """A factor that says what a proof of it is worth."""

    @property
    def name(self) -> str:
        """Return the factor's name."""

    @property
    def worth(self) -> FactorWorth:
        """Return what a proof is worth at most."""


def offers_of(methods: Iterable[Method]) -> tuple[Offer, ...]:
    """Return one offer for each method."""
    return tuple(Offer(factor=each.factor, method=each.id, label=each.label) for each in methods)


def proof_of(factor: Worthy, *, person: str, method: str = "", at: datetime) -> Proof:
    """Return the proof that a person showed a factor, worth all that it can be."""
    worth = factor.worth
    return Proof(person=person, factor=factor.name, method=method, kinds=worth.kinds, amr=worth.amr, at=at)


def no_proof(factor: str, *, person: str, at: datetime) -> Proof:
    """Return what comes with a method that was handed out: nobody has shown anything by it."""
    return Proof(person=person, factor=factor, kinds=frozenset(), amr=(), at=at)
