"""What phones are asked: one request a person, answered once, settled in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.core.errors import Unchecked
from idp.core.model import Method
from idp.store import Unit
from idp.store.columns import Instant
from idp.store.schema import push_requests

LASTS = timedelta(minutes=2)
_OTHER = (
    "Your phone is being asked about another sign-in. Answer that one first, or wait two minutes. "
    "If it is not yours, say so on the phone."
)

_ROW = push_requests.c
_NOW = sa.bindparam("now", type_=Instant)
_OF = sa.select(push_requests).where(_ROW.person == sa.bindparam("whose"))
_ONE = sa.select(push_requests).where(_ROW.id == sa.bindparam("which"))
_ANSWER = (
    sa.update(push_requests)
    .where(
        _ROW.id == sa.bindparam("which"),
        _ROW.person == sa.bindparam("whose"),
        _ROW.outcome == "",
        _ROW.expires_at > _NOW,
        _ROW.device.in_((sa.bindparam("by"), sa.bindparam("each"))),
    )
    .values(outcome=sa.bindparam("said"), method=sa.bindparam("by"))
)
_TAKE = (
    sa.update(push_requests)
    .where(_ROW.id == sa.bindparam("which"), _ROW.outcome == sa.bindparam("said"), ~_ROW.told)
    .values(told=True)
)
_WITHDRAW = (
    sa.update(push_requests)
    .where(_ROW.person == sa.bindparam("whose"), _ROW.sign_in == sa.bindparam("place"), _ROW.outcome == "")
    .values(told=True, expires_at=_NOW)
)


class Said(StrEnum):
    """What a phone said."""

    NOTHING = ""
    APPROVED = "approved"
    WRONG = "wrong-number"
    DENIED = "denied"
    FRAUD = "fraud"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question to a person's phones, whether the sign-in goes on whose page shows this number.

    browser is whose sign-in it is; device the only phone that may answer, "" for each. told says
    that the sign-in has taken up what came of it.
    """

    person: str
    id: str
    sign_in: str
    browser: str
    number: str
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

    def open(self, now: datetime) -> bool:
        """Say whether it can still be answered."""
        return self.outcome is Said.NOTHING and now < self.expires_at


def of(connection: sa.Connection, person_id: str) -> Request | None:
    """Return the latest request to a person."""
    return _read(connection.execute(_OF, {"whose": person_id}).mappings().first())


def one(connection: sa.Connection, request_id: str) -> Request | None:
    """Return a request that no other has taken the place of."""
    return _read(connection.execute(_ONE, {"which": request_id}).mappings().first())


def ask(unit: Unit, request: Request) -> None:
    """Put a request in the place of the last one. Raises Unchecked while another browser's is open."""
    if unit.execute(_upsert(unit.connection.dialect.name), asdict(request)).rowcount != 1:
        raise Unchecked(_OTHER, detail="another sign-in is waiting")


def answer(unit: Unit, request_id: str, said: Said, *, by: Method, ready: bool, now: datetime) -> bool:
    """Note what a phone said: True once, in time, and from a phone that was asked.

    One that is not ready, since it is being set up, answers only what it alone is asked.
    """
    row = {"which": request_id, "whose": by.person, "said": said, "by": by.id, "now": now}
    row["each"] = "" if ready else by.id
    return unit.execute(_ANSWER, row).rowcount == 1


def take(unit: Unit, request: Request) -> bool:
    """Take up what came of a request: of several callers at once one gets True."""
    return unit.execute(_TAKE, {"which": request.id, "said": request.outcome}).rowcount == 1


def withdraw(unit: Unit, person_id: str, *, sign_in: str, now: datetime) -> None:
    """Take a sign-in's request from the person's phones: it went on in another way."""
    unit.execute(_WITHDRAW, {"whose": person_id, "place": sign_in, "now": now})


def _read(row: Mapping[Any, Any] | None) -> Request | None:
    return None if row is None else Request(**{**row, "outcome": Said(row["outcome"])})


@cache
def _upsert(dialect: str) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    made = insert(push_requests)
    replaced = {column.name: made.excluded[column.name] for column in push_requests.c}
    # One that came to nothing, was taken up, is over, or is of the same browser, gives way.
    gives_way = sa.or_(
        _ROW.outcome.not_in(("", Said.APPROVED.value)),
        _ROW.told,
        _ROW.expires_at <= made.excluded.asked_at,
        _ROW.browser == made.excluded.browser,
    )
    return made.on_conflict_do_update(index_elements=[_ROW.person], set_=replaced, where=gives_way)
