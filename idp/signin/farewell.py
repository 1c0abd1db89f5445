"""End sessions, and leave word in the same unit for partners that are told behind the browser's back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from idp.audit import Entry, Event
from idp.core import codec
from idp.core.model import Participant, Partner
from idp.jobs import Outbox
from idp.partners.oidc import oidc_settings
from idp.partners.own import DOOR as OUR_OWN
from idp.partners.registry import Partners
from idp.partners.saml import saml_settings
from idp.sessions import Grants, Sessions
from idp.store import Unit

# By door: whether a partner of it is told so. A message goes out as "<door>-logout".
_TOLD_BEHIND: Mapping[str, Callable[[Partner], bool]] = {
    "oidc": lambda partner: bool(oidc_settings(partner).backchannel_logout_uri),
    "saml": lambda partner: saml_settings(partner).soap_logout is not None,
}
# Where the browser goes by it brings a better answer than a server gives, and takes cookies along.
_TOLD_BY_BROWSER: Mapping[str, Callable[[Partner], bool]] = {
    "saml": lambda partner: saml_settings(partner).logout is not None,
}


class Outcome(StrEnum):
    """What is known of a partner after a sign-out; more than this is never claimed."""

    ENDED = "ended"  # it says so itself
    TOLD = "told"  # word was sent, by a frame or behind the browser's back
    LEFT = "left"  # it can't be told, or says no


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of one partner."""

    partner: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Sessions that went on until now, the partners with a part in them, and whom word was left for.

    told holds ids of participants.
    """

    sessions: tuple[str, ...] = ()
    participants: tuple[Participant, ...] = ()
    told: frozenset[str] = frozenset()

    def outcomes(self, *, but: str = "") -> tuple[Told, ...]:
        """Return what became of each partner, once; of our own pages nothing need be said.

        but is a participant that needs no word.
        """
        found = {
            one.partner: Outcome.TOLD if one.id in self.told else Outcome.LEFT
            for one in self.participants
            if one.door != OUR_OWN and one.id != but
        }
        return tuple(Told(partner=partner, outcome=outcome) for partner, outcome in found.items())

    @property
    def left(self) -> tuple[str, ...]:
        """Return the partners that can't be told."""
        return tuple(told.partner for told in self.outcomes() if told.outcome is Outcome.LEFT)

    def entry(
        self, *, person: str, name: str = "", actor: str = "", correlation: str = "", address: str = ""
    ) -> Entry:
        """Return what goes on record of it."""
        return Entry(
            event=Event.SIGNED_OUT,
            person=person,
            name=name,
            actor=actor,
            correlation=correlation,
            address=address,
            detail=self.detail,
        )

    @property
    def detail(self) -> Mapping[str, list[str]]:
        """Return which sessions were ended, and which partners can't be told, by their ids."""
        left = {"left": list(self.left)} if self.left else {}
        return {"sessions": list(self.sessions), **left}


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """Ends sessions and puts one message a participant into the outbox.

    Who ended the session may be no browser at all.
    """

    partners: Partners
    sessions: Sessions
    grants: Grants
    outbox: Outbox

    def __call__(
        self, unit: Unit, participants: Iterable[Participant], *, walked: bool = False
    ) -> frozenset[str]:
        """Leave word for those of the participants that can be told; return their ids.

        walked: a browser goes by where it can.
        """
        left = set()
        for participant in participants:
            partner = self.partners.get(participant.partner)
            if partner is None or not partner.enabled or not _is_told(partner, walked=walked):
                continue
            self.outbox.put(
                unit,
                kind=kind_for(participant.door),
                idempotency_key=f"logout:{participant.id}",
                payload={"participant": codec.dump(participant)},
            )
            left.add(participant.id)
        return frozenset(left)

    def end(
        self,
        unit: Unit,
        sessions: Sequence[str],
        now: datetime,
        *,
        walked: bool = False,
        offline: bool = False,
    ) -> Ended:
        """End sessions, what was granted in them, and leave word.

        offline: what was granted beyond them ends too, since somebody else may have held them.
        """
        ended = tuple(session for session in sessions if self.sessions.end(unit, session, now))
        for session in sessions:
            self.grants.revoke_session(unit, session, offline=offline)
        return self._bidden(unit, sessions, walked=walked, ended=ended)

    def end_all(self, unit: Unit, person: str, now: datetime) -> Ended:
        """End every session of a person and leave word.

        What was granted ends too, offline access as well: whoever held a session may hold that.
        """
        ended = tuple(self.sessions.end_all(unit, person, now))
        self.grants.revoke_person(unit, person)
        return self._bidden(unit, ended, ended=ended)

    def _bidden(
        self, unit: Unit, sessions: Iterable[str], *, ended: tuple[str, ...], walked: bool = False
    ) -> Ended:
        # Only now that nobody can join any more: whoever was answered meanwhile is told too.
        parts = [one for session in sessions for one in self.sessions.participants(unit.connection, session)]
        told = self(unit, parts, walked=walked)
        return Ended(sessions=ended, participants=tuple(parts), told=told)


def kind_for(door: str) -> str:
    """Return the kind of message that tells partners of a door."""
    return f"{door}-logout"


def _is_told(partner: Partner, *, walked: bool) -> bool:
    behind, by_browser = _TOLD_BEHIND.get(partner.door), _TOLD_BY_BROWSER.get(partner.door)
    if behind is None or not behind(partner):
        return False
    return not (walked and by_browser is not None and by_browser(partner))
