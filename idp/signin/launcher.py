"""The applications that a signed-in person may open from here, for those that allow being started so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from idp.core.ids import new_id
from idp.core.model import Partner, Person, SignIn, SignInRequest, Visit
from idp.policy.model import Deny
from idp.sessions import Session, Sessions
from idp.signin.judge import Judge

MOST_TILES = 200
Start = Callable[[Partner], str]
"""Returns the address at which a person starts at a partner, "" when only the partner can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """An application to open: its name, and where its sign-in starts."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Lists what may be opened; starting it goes through the hallway like any other sign-in."""

    judge: Judge
    sessions: Sessions
    starts: Mapping[str, Start]

    def __call__(self, visit: Visit) -> tuple[Person | None, tuple[Tile, ...]]:
        """Return who is signed in on this browser, and what they may open, by name."""
        now = self.judge.clock.now()
        with self.judge.store.read() as connection:
            session = self.sessions.live(connection, visit.session, now)
            person = self.judge.people.get(connection, session.person) if session else None
            partners = self.judge.partners.startable(connection, most=MOST_TILES) if person else ()
        if session is None or person is None or not person.enabled:
            return None, ()
        tiles = (
            Tile(name=partner.name, address=address)
            for partner in partners
            if (address := self._start(partner)) and not self._denied(partner, session, visit)
        )
        return person, tuple(tiles)

    def _start(self, partner: Partner) -> str:
        start = self.starts.get(partner.door)
        return start(partner) if start else ""

    def _denied(self, partner: Partner, session: Session, visit: Visit) -> bool:
        """Say whether policy would turn the person away there, whatever else they prove."""
        now = self.judge.clock.now()
        sign_in = SignIn(
            id=new_id(),
            request=SignInRequest(door=partner.door, issuer=partner.issuer, partner=partner.id, reply_to=""),
            browser="",
            network=visit.network,
            started_at=now,
            expires_at=now,
            proofs=session.proofs,
            session=session.id,
        )
        return isinstance(self.judge(sign_in, session).decision.verdict, Deny)
