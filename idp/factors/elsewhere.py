"""What is asked elsewhere than on the page: one request a person, answered once, settled in the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused, Unchecked
from idp.core.ids import fingerprint, new_id, new_secret
from idp.core.model import SignIn
from idp.core.ports import Clock, Pending
from idp.core.result import Result
from idp.factors import floods
from idp.factors.alarm import Alarm, Occasion, Why
from idp.factors.floods import TooMany
from idp.store import Store, Unit
from idp.store.columns import Instant
from idp.store.once import once
from idp.store.schema import asked_elsewhere

_OVER = "That request is over. Send a new one."
_OTHER = (
    "Your phone is being asked about another sign-in. Answer that one first, or wait two minutes. "
    "If it is not yours, say so on the phone."
)
_LONGEST_AGENT = 400
_DAY = timedelta(days=1)

_ROW = asked_elsewhere.c
_NOW = sa.bindparam("now", type_=Instant)
_OF = sa.select(asked_elsewhere).where(_ROW.person == sa.bindparam("whose"))
_ONE = sa.select(asked_elsewhere).where(_ROW.id == sa.bindparam("which"))
_BY_SECRET = sa.select(asked_elsewhere).where(_ROW.secret == sa.bindparam("hashed"))
_ANSWER = (
    sa.update(asked_elsewhere)
    .where(
        _ROW.id == sa.bindparam("which"),
        _ROW.outcome == "",
        _ROW.expires_at > _NOW,
        _ROW.device.in_((sa.bindparam("by"), sa.bindparam("each"))),
    )
    .values(outcome=sa.bindparam("said"), method=sa.bindparam("by"))
)
_TAKE = (
    sa.update(asked_elsewhere)
    .where(_ROW.id == sa.bindparam("which"), _ROW.outcome == sa.bindparam("said"), ~_ROW.told)
    .values(told=True)
)
_WITHDRAW = (
    sa.update(asked_elsewhere)
    .where(_ROW.person == sa.bindparam("whose"), _ROW.sign_in == sa.bindparam("place"), _ROW.outcome == "")
    .values(told=True, expires_at=_NOW)
)
_TURN = (
    sa.update(asked_elsewhere)
    .where(_ROW.id == sa.bindparam("which"), _ROW.turn == sa.bindparam("last"), _ROW.outcome == "")
    .values(turn=_ROW.turn + 1, talk=sa.bindparam("now_at"))
)


class Said(StrEnum):
    """What came of a request: what was said on a phone, or why nothing was."""

    NOTHING = ""
    APPROVED = "approved"
    WRONG = "wrong-number"
    DENIED = "denied"
    FRAUD = "fraud"
    WRONG_PIN = "wrong-pin"
    NO_DIGITS = "no-digits"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    HUNG_UP = "hung-up"
    VOICEMAIL = "voicemail"
    UNREACHABLE = "unreachable"


_RESULTS: Mapping[Said, Result] = {
    Said.NOTHING: Result.NO_ANSWER,
    Said.APPROVED: Result.COMPLETED,
    Said.WRONG: Result.WRONG_NUMBER,
    Said.DENIED: Result.DECLINED,
    Said.FRAUD: Result.FRAUD,
    Said.WRONG_PIN: Result.WRONG_PIN,
    Said.NO_DIGITS: Result.NO_DIGITS,
    Said.NO_ANSWER: Result.NO_ANSWER,
    Said.BUSY: Result.BUSY,
    Said.HUNG_UP: Result.HUNG_UP,
    Said.VOICEMAIL: Result.VOICEMAIL,
    Said.UNREACHABLE: Result.UNREACHABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question to a person's phones, whether the sign-in goes on whose page shows this number.

    browser is whose sign-in it is; device the only method that may answer, "" for each; secret the
    hash of what a carrier knows it by. told says that the sign-in has taken up what came of it. talk
    is how far a call has come, turn how often that changed.
    """

    person: str
    id: str = field(default_factory=new_id)
    factor: str
    sign_in: str
    browser: str
    secret: str
    number: str = ""
    device: str = ""
    partner: str
    address: str
    user_agent: str
    correlation: str
    asked_at: datetime
    expires_at: datetime
    outcome: Said = Said.NOTHING
    method: str = ""
    told: bool = False
    talk: Mapping[str, Any] = field(default_factory=dict)
    turn: int = 0

    def open(self, now: datetime) -> bool:
        """Say whether it can still be answered."""
        return self.outcome is Said.NOTHING and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What factors share that ask elsewhere; name is the factor's, application gives partners' names."""

    name: str
    lasts: timedelta
    store: Store
    clock: Clock
    alarm: Alarm
    application: Callable[[str], str]
    audit: AuditLog

    def new(self, sign_in: SignIn, person: str, *, device: str = "", number: str = "") -> tuple[Request, str]:
        """Return a request that nobody has been asked yet, and the secret that a carrier may know it by."""
        now, secret = self.clock.now(), new_secret()
        request = Request(
            person=person,
            factor=self.name,
            sign_in=sign_in.id,
            browser=sign_in.browser,
            secret=fingerprint(secret),
            number=number,
            device=device,
            partner=sign_in.request.partner,
            address=sign_in.network.address,
            user_agent=sign_in.network.user_agent[:_LONGEST_AGENT],
            correlation=sign_in.correlation,
            asked_at=now,
            expires_at=min(now + self.lasts, sign_in.expires_at),
        )
        return request, secret

    def ask(
        self, request: Request, send: Callable[[Unit], Mapping[str, object]], *, setting_up: bool = False
    ) -> None:
        """Ask, and have send do what leaves the house; what it returns goes on record.

        Raises Unchecked while another browser's request is open, and TooMany; such a flood
        ends in an alarm.
        """
        try:
            with self.store.write() as unit:
                # In this order everywhere, or two that wait for each other can be.
                _put(unit, request)
                floods.count_request(
                    unit, person=request.person, sign_in=request.sign_in, now=request.asked_at
                )
                self.record(unit, Event.PHONE_ASKED, request, detail=send(unit))
        except TooMany as refused:
            with self.store.write() as unit:
                # Once a sign-in: a button can be pressed as often as somebody likes.
                if once(unit, f"withheld:{request.sign_in}:{refused.over}", until=request.asked_at + _DAY):
                    result = Result.CANNOT_CALL if self.name == "call" else Result.CANNOT_PUSH
                    self.record(unit, Event.PHONE_NOT_ASKED, request, reason=refused.over, result=result)
                # While it is set up a phone may be anybody's, and nobody attacks.
                if refused.endless and not setting_up:
                    self.alarm(unit, request.person, Why.FLOOD, self._occasion(request))
            raise

    def answered(
        self, unit: Unit, request: Request, said: Said, *, by: str, ready: bool = True, now: datetime
    ) -> bool:
        """Note what came of a request: True once, in time, and by a method that was asked.

        One that is not ready, since it is being set up, answers only what it alone is asked, and
        raises no alarm: it may be anybody's.
        """
        row = {"which": request.id, "said": said, "by": by, "each": "" if ready else by, "now": now}
        if unit.execute(_ANSWER, row).rowcount != 1:
            return False
        detail = {"method": by} if by else None
        self.record(unit, Event.PHONE_ANSWERED, request, reason=said, detail=detail, result=_RESULTS[said])
        if not ready:
            return True
        if said is Said.FRAUD:
            self.alarm(unit, request.person, Why.FRAUD, self._occasion(request))
        elif said is Said.DENIED and floods.count_no(unit, person=request.person, now=now):
            self.alarm(unit, request.person, Why.FLOOD, self._occasion(request))
        return True

    def take(self, unit: Unit, sign_in: SignIn, person: str, request_id: str, *, waiting: str) -> Request:
        """Return the request of this sign-in, whose browser has not changed, and take up its outcome, once.

        Raises Unchecked: waiting is said while it is open.
        """
        request, place = one(unit.connection, request_id), (self.name, sign_in.id, sign_in.browser, person)
        found = (request.factor, request.sign_in, request.browser, request.person) if request else ()
        if request is None or found != place or request.told:
            twice = request is not None and found == place and request.outcome is not Said.NOTHING
            raise Unchecked(_OVER, result=Result.DUPLICATE if twice else None)
        if request.open(self.clock.now()):
            raise Unchecked(waiting)
        row = {"which": request.id, "said": request.outcome}
        if unit.execute(_TAKE, row).rowcount != 1:
            raise Unchecked(_OVER, result=Result.DUPLICATE)
        if request.outcome is Said.NOTHING:
            self.record(unit, Event.PHONE_ANSWERED, request, reason=Said.NO_ANSWER, result=Result.NO_ANSWER)
        return request

    def pending(self, connection: sa.Connection, sign_in: SignIn, place: Mapping[str, str]) -> Pending:
        """Say how it stands with the request that a challenge or draft names."""
        request = one(connection, place.get("request", ""))
        if request is None or request.sign_in != sign_in.id or request.told:
            return Pending.OVER
        return Pending.WAITING if request.open(self.clock.now()) else Pending.SETTLED

    def _occasion(self, request: Request) -> Occasion:
        return Occasion(
            factor=self.name,
            partner=request.partner,
            application=self.application(request.partner),
            address=request.address,
            correlation=request.correlation,
        )

    def record(
        self,
        unit: Unit,
        event: Event,
        request: Request,
        *,
        reason: str = "",
        detail: Mapping[str, object] | None = None,
        result: Result | None = None,
    ) -> None:
        """Put on record what became of a request."""
        entry = Entry(
            event=event,
            person=request.person,
            partner=request.partner,
            factor=self.name,
            reason=reason,
            correlation=request.correlation,
            detail=detail or {},
            address=request.address,
            result=result,
        )
        self.audit.record(unit, entry)


def of(connection: sa.Connection, person_id: str) -> Request | None:
    """Return the latest request to a person."""
    return _read(connection.execute(_OF, {"whose": person_id}).mappings().first())


def one(connection: sa.Connection, request_id: str) -> Request | None:
    """Return a request that no other has taken the place of."""
    return _read(connection.execute(_ONE, {"which": request_id}).mappings().first())


def by_secret(connection: sa.Connection, secret: str) -> Request | None:
    """Return the request that a carrier knows by this secret."""
    return _read(connection.execute(_BY_SECRET, {"hashed": fingerprint(secret)}).mappings().first())


def turned(unit: Unit, request: Request, talk: Mapping[str, Any]) -> bool:
    """Note how far a call has come, if nothing has changed since the request was read."""
    row = {"which": request.id, "last": request.turn, "now_at": dict(talk)}
    return unit.execute(_TURN, row).rowcount == 1


def withdraw(unit: Unit, person_id: str, *, sign_in: str, now: datetime) -> None:
    """Take a sign-in's request from the person's phones: it went on in another way."""
    unit.execute(_WITHDRAW, {"whose": person_id, "place": sign_in, "now": now})


def no(request: Request, words: Mapping[Said, str]) -> Refused:
    """Return what is said when a request came to nothing; only what somebody said counts as a try."""
    text = words.get(Said.NO_ANSWER if request.outcome is Said.NOTHING else request.outcome, _OVER)
    tried = request.outcome in {Said.DENIED, Said.FRAUD, Said.WRONG, Said.WRONG_PIN}
    if not tried:  # what came of the request is on record already
        return Unchecked(text, detail=request.outcome.value)
    return Refused(text, detail=request.outcome.value, result=_RESULTS[request.outcome])


def _put(unit: Unit, request: Request) -> None:
    row = {**asdict(request), "talk": dict(request.talk)}
    if unit.execute(_upsert(unit.connection.dialect.name), row).rowcount != 1:
        raise Unchecked(_OTHER, detail="another sign-in is waiting")


def _read(row: Mapping[Any, Any] | None) -> Request | None:
    return None if row is None else Request(**{**row, "outcome": Said(row["outcome"])})


@cache
def _upsert(dialect: str) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    made = insert(asked_elsewhere)
    replaced = {column.name: made.excluded[column.name] for column in asked_elsewhere.c}
    # One that came to nothing, was taken up, is over, or is of the same browser, gives way.
    gives_way = sa.or_(
        _ROW.outcome.not_in(("", Said.APPROVED.value)),
        _ROW.told,
        _ROW.expires_at <= made.excluded.asked_at,
        _ROW.browser == made.excluded.browser,
    )
    return made.on_conflict_do_update(index_elements=[_ROW.person], set_=replaced, where=gives_way)
