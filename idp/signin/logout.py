"""Sign out: end the session first, then walk its participants through their doors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from idp.audit import AuditLog, Entry, Event
from idp.core import codec
from idp.core.errors import BadMessage
from idp.core.ids import fingerprint, new_id, new_secret, same
from idp.core.model import Ending, Participant, Reply, Visit
from idp.core.ports import Clock, Door, State
from idp.partners.registry import Partners
from idp.sessions import Grants, Session, Sessions
from idp.store import Store

_WALK_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Whether one partner was told that the session is over."""

    partner: str
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A sign-out under way: who is still to be told, whose answer is awaited, how it ends.

    finish belongs to the door that started the sign-out; finish_door "" ends on our own page.
    """

    id: str
    browser: str
    waiting: Participant | None = None
    to_tell: tuple[Participant, ...] = ()
    told: tuple[Told, ...] = ()
    finish_door: str = ""
    finish: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutStep:
    """Where a sign-out stands: a reply to follow, or finished with what to show.

    browser is a new cookie secret, None to leave the cookie as it is.
    """

    reply: Reply | None
    told: tuple[Told, ...]
    browser: str | None = None

    @property
    def complete(self) -> bool:
        """Say whether every partner was told."""
        return all(told.ended for told in self.told)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut:
    """Ends sessions. Our own session is over before any partner is asked anything."""

    store: Store
    state: State
    clock: Clock
    doors: Mapping[str, Door]
    partners: Partners
    sessions: Sessions
    grants: Grants
    audit: AuditLog

    def current(self, visit: Visit) -> Session | None:
        """Return the browser's session, if there is one."""
        with self.store.read() as connection:
            return self.sessions.live(connection, visit.session, self.clock.now())

    def begin(self, visit: Visit, *, finish_door: str, finish: Mapping[str, str]) -> LogoutStep:
        """Sign out the browser's session."""
        session = self.current(visit)
        participants = self._end(session.id, session.person, visit) if session else []
        return self._start(visit, participants, finish_door, finish)

    def begin_for(
        self, participant: Participant, visit: Visit, *, finish_door: str, finish: Mapping[str, str]
    ) -> LogoutStep:
        """Sign out the session that a partner's verified request names."""
        others = [
            other
            for other in self._end(participant.session, participant.person, visit)
            if other.id != participant.id
        ]
        return self._start(visit, others, finish_door, finish)

    def heard(self, chain: str, *, partner: str, ok: bool, visit: Visit) -> LogoutStep:
        """Go on after a partner's verified answer. Raises BadMessage when nobody waits for it."""
        text = self.state.pop(_key(chain))
        walk = codec.load(Walk, text) if text is not None else None
        if walk is None or walk.waiting is None or walk.waiting.partner != partner:
            raise BadMessage("This sign-out is finished, or it is too old.")
        if not visit.browser or not same(fingerprint(visit.browser), walk.browser):
            raise BadMessage("This sign-out was started in another browser.")
        return self._go_on(_told(walk, walk.waiting, ended=ok))

    def _start(
        self,
        visit: Visit,
        participants: list[Participant],
        finish_door: str,
        finish: Mapping[str, str],
    ) -> LogoutStep:
        browser = visit.browser or new_secret()
        walk = Walk(
            id=new_id(),
            browser=fingerprint(browser),
            to_tell=tuple(participants),
            finish_door=finish_door,
            finish=finish,
        )
        step = self._go_on(walk)
        return step if visit.browser else replace(step, browser=browser)

    def _end(self, session_id: str, person: str, visit: Visit) -> list[Participant]:
        now = self.clock.now()
        with self.store.write() as unit:
            if self.sessions.end(unit, session_id, now):
                self.grants.revoke_session(unit, session_id)
                entry = Entry(
                    event=Event.SIGNED_OUT,
                    person=person,
                    correlation=visit.correlation,
                    address=visit.network.address,
                )
                self.audit.record(unit, entry)
            # Only now that nobody can join any more: whoever was answered meanwhile is told too.
            participants = self.sessions.participants(unit.connection, session_id)
            for participant in participants:
                self.sessions.leave(unit, participant.id, now)
        return participants

    def _go_on(self, walk: Walk) -> LogoutStep:
        """Tell the next participant that can be told; finish when there is none."""
        while walk.to_tell:
            participant, rest = walk.to_tell[0], walk.to_tell[1:]
            walk = replace(walk, to_tell=rest, waiting=None)
            ending = self._telling(participant, walk.id)
            if ending.reply is not None:
                waiting = replace(walk, waiting=participant)
                self.state.put(_key(walk.id), codec.dump(waiting), _WALK_LASTS)
                return LogoutStep(reply=ending.reply, told=walk.told)
            walk = _told(walk, participant, ended=ending.supported)
        step = LogoutStep(reply=None, told=walk.told)
        if not walk.finish_door:
            return step
        door = self.doors[walk.finish_door]
        return replace(step, reply=door.signed_out(walk.finish, complete=step.complete))

    def _telling(self, participant: Participant, chain: str) -> Ending:
        partner = self.partners.get(participant.partner)
        if partner is None or not partner.enabled:
            return Ending(supported=False)
        return self.doors[participant.door].end(participant, chain=chain)


def _told(walk: Walk, participant: Participant, *, ended: bool) -> Walk:
    told = Told(partner=participant.partner, ended=ended)
    return replace(walk, waiting=None, told=(*walk.told, told))


def _key(chain: str) -> str:
    return "signout:" + chain[:64]
