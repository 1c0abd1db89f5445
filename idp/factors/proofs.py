"""Make proofs, each worth what the table of factors says, and what is handed out without one."""

from __future__ import annotations

from datetime import datetime

from idp.core.model import Proof
from idp.policy.model import FACTORS


def proof_of(factor: str, *, person: str, method: str = "", at: datetime) -> Proof:
    """Return the proof that a person showed a factor."""
    worth = FACTORS[factor]
    return Proof(person=person, factor=factor, method=method, kinds=worth.kinds, amr=worth.amr, at=at)


def no_proof(factor: str, *, person: str, at: datetime) -> Proof:
    """Return what comes with a method that was handed out: nobody has shown anything by it."""
    return Proof(person=person, factor=factor, kinds=frozenset(), amr=(), at=at)
