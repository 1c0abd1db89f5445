"""What to say of sessions that were ended: how many, and what became of the applications opened in them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from idp.partners.registry import Partners
from idp.signin.farewell import Ended, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut:
    """How many sessions were ended, and what became of the applications opened in them, by name."""

    sessions: int
    results: tuple[tuple[str, Outcome], ...]

    @property
    def left(self) -> tuple[str, ...]:
        """Return the applications that could not be told."""
        return tuple(name for name, outcome in self.results if outcome is Outcome.LEFT)


def signed_out(connection: sa.Connection, partners: Partners, ended: Ended) -> SignedOut:
    """Return what to say; an application that was removed since has no name."""
    told = ended.outcomes()
    there = partners.among(connection, {one.partner for one in told})
    names = {identifier: partner.name for identifier, partner in there.items()}
    return SignedOut(
        sessions=len(ended.sessions),
        results=tuple((names.get(one.partner, "—"), one.outcome) for one in told),
    )
