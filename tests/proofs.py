"""Proofs as a factor would have made them, for tests that begin with somebody signed in."""

from __future__ import annotations

from datetime import datetime

from idp.app.factors import WORTHS
from idp.core.model import Proof


def proof(factor: str, person: str, at: datetime) -> Proof:
    """Return the best proof of a factor."""
    worth = WORTHS[factor]
    return Proof(
        person=person,
        factor=factor,
        kinds=worth.kinds,
        amr=worth.amr,
        phishing_resistant=worth.phishing_resistant,
        at=at,
    )
