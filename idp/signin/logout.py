"""Sign out: end the session first, then walk its participants through their doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from idp.audit import AuditLog
from idp.core import codec
from idp.core.errors import BadMessage
from idp.core.ids import fingerprint, new_id, new_secret, same
from idp.core.model import Participant, Reply, Visit
from idp.core.ports import Clock, Door, Ending, State
from idp.partners.registry import Partners
from idp.sessions import Session, Sessions
from idp.signin.farewell import Ended, Farewell, Outcome, Told
from idp.store import Store

_WALK_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A sign-out under way: who is still to be told, whose answer is awaited, how it ends.

    frames are addresses to be loaded before anything else; held is the reply that then takes
    the browser to whose answer is awaited. asker is the participant that wants the sign-out.
    finish belongs to the door that started the sign-out; finish_door "" ends on our own page.
    """

    id: str
    browser: str
    asker: str = ""
    waiting: Participant | None = None
    held: Reply | None = None
    frames: tuple[str, ...] = ()
    to_tell: tuple[Participant, ...] = ()
    told: tuple[Told, ...] = ()
    finish_door: str = ""
    finish: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutStep:
    """Where a sign-out stands: a reply to follow, frames to load, or finished with what to show.

    After the frames `SignOut.onward` goes on with the chain. browser is a new cookie secret,
    None to leave the cookie as it is.
    """

    reply: Reply | None
    told: tuple[Told, ...]
    frames: tuple[str, ...] = ()
    chain: str = ""
    browser: str | None = None

    @property
    def complete(self) -> bool:
        """Say whether every partner has said that it is over there too."""
        return all(told.outcome is Outcome.ENDED for told in self.told)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut:
    """Ends sessions. Our own session is over before any partner is asked anything.

    Partners are told in the order of the doors: those first that don't take the browser away,
    since nobody knows whether it comes back.
    """

    store: Store
    state: State
    clock: Clock
    doors: Mapping[str, Door]
    partners: Partners
    sessions: Sessions
    farewell: Farewell
    audit: AuditLog

    def current(self, visit: Visit) -> Session | None:
        """Return the browser's session, if there is one."""
        with self.store.read() as connection:
            return self.sessions.live(connection, visit.session, self.clock.now())

    def begin(
        self, visit: Visit, *, finish_door: str, finish: Mapping[str, str], asker: str = ""
    ) -> LogoutStep:
        """Sign out the browser's session; asker is told like all others, but knows already."""
        session = self.current(visit)
        ended = self._end(session.id, session.person, visit, walked=True) if session else Ended()
        return self._start(visit, ended.participants, finish_door, finish, asker)

    def begin_for(
        self,
        participants: Sequence[Participant],
        visit: Visit,
        *,
        finish_door: str,
        finish: Mapping[str, str],
    ) -> LogoutStep:
        """Sign out the sessions that a partner's verified request names, as its parts in them.

        The browser goes to the other partners of one of them: its own, or the only one. Those of
        the others are told behind its back, or can't be told.
        """
        current = self.current(visit)
        sessions = {each.session for each in participants}
        here = current.id if current is not None and current.id in sessions else participants[0].session
        others, elsewhere = list[Participant](), list[Told]()
        for asking in participants:
            ended = self._end(asking.session, asking.person, visit, walked=asking.session == here)
            if asking.session == here:
                others += [other for other in ended.participants if other.id != asking.id]
                continue
            elsewhere += ended.outcomes(but=asking.id)
        return self._start(visit, others, finish_door, finish, told=tuple(elsewhere))

    def end_behind(self, participants: Sequence[Participant], visit: Visit) -> bool:
        """Sign out the sessions that a partner's server names, without a browser.

        Return whether that was all: no other partner had a part in them.
        """
        return not any(
            other.id != asking.id
            for asking in participants
            for other in self._end(asking.session, asking.person, visit).participants
        )

    def heard(self, chain: str, *, partner: str, ok: bool, visit: Visit) -> LogoutStep:
        """Go on after a partner's verified answer. Raises BadMessage when nobody waits for it."""
        walk = self._taken(chain, visit)
        if walk.waiting is None or walk.waiting.partner != partner:
            raise BadMessage("This sign-out is finished, or it is too old.")
        outcome = Outcome.ENDED if ok else Outcome.LEFT
        return self._go_on(_told(replace(walk, frames=(), held=None), walk.waiting, outcome))

    def onward(self, chain: str, visit: Visit) -> LogoutStep:
        """Go on once the frames had their time. Raises BadMessage when it is too late for that."""
        return self._go_on(replace(self._taken(chain, visit), frames=()))

    def _taken(self, chain: str, visit: Visit) -> Walk:
        text = self.state.pop(_key(chain))
        if text is None:
            raise BadMessage("This sign-out is finished, or it is too old.")
        walk = codec.load(Walk, text)
        if not visit.browser or not same(fingerprint(visit.browser), walk.browser):
            raise BadMessage("This sign-out was started in another browser.")
        return walk

    def _start(
        self,
        visit: Visit,
        participants: Sequence[Participant],
        finish_door: str,
        finish: Mapping[str, str],
        asker: str = "",
        *,
        told: tuple[Told, ...] = (),
    ) -> LogoutStep:
        browser, order = visit.browser or new_secret(), list(self.doors)
        walk = Walk(
            id=new_id(),
            browser=fingerprint(browser),
            asker=asker,
            to_tell=tuple(sorted(participants, key=lambda participant: order.index(participant.door))),
            told=told,
            finish_door=finish_door,
            finish=finish,
        )
        step = self._go_on(walk)
        return step if visit.browser else replace(step, browser=browser)

    def _end(self, session_id: str, person: str, visit: Visit, *, walked: bool = False) -> Ended:
        now = self.clock.now()
        with self.store.write() as unit:
            ended = self.farewell.end(unit, (session_id,), now, walked=walked)
            if ended.sessions:
                entry = ended.entry(
                    person=person, correlation=visit.correlation, address=visit.network.address
                )
                self.audit.record(unit, entry)
            for participant in ended.participants:
                self.sessions.leave(unit, participant.id, now)
        return ended

    def _go_on(self, walk: Walk) -> LogoutStep:
        """Tell participants until one needs the browser; finish when there is none left."""
        while walk.held is None and walk.to_tell:
            walk = self._tell(walk, walk.to_tell[0])
        if walk.frames:
            self._keep(walk)
            return LogoutStep(reply=None, told=walk.told, frames=walk.frames, chain=walk.id)
        if walk.held is not None:
            self._keep(replace(walk, held=None))
            return LogoutStep(reply=walk.held, told=walk.told)
        return self._finish(walk)

    def _tell(self, walk: Walk, participant: Participant) -> Walk:
        walk = replace(walk, to_tell=walk.to_tell[1:])
        ending = self._telling(participant, walk.id)
        if ending.ours:
            return walk
        if ending.reply is not None:
            return replace(walk, waiting=participant, held=ending.reply)
        if ending.frame:
            walk = replace(walk, frames=(*walk.frames, ending.frame))
        return _told(walk, participant, Outcome.TOLD if ending.supported else Outcome.LEFT)

    def _keep(self, walk: Walk) -> None:
        self.state.put(_key(walk.id), codec.dump(walk), _WALK_LASTS)

    def _finish(self, walk: Walk) -> LogoutStep:
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


def _told(walk: Walk, participant: Participant, outcome: Outcome) -> Walk:
    walk = replace(walk, waiting=None)
    if participant.id == walk.asker and outcome is Outcome.LEFT:
        # It wants the sign-out, so it needs no word from us.
        return walk
    return replace(walk, told=(*walk.told, Told(partner=participant.partner, outcome=outcome)))


def _key(chain: str) -> str:
    return "signout:" + chain[:64]
