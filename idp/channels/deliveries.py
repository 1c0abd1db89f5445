"""What became of each message, for those who help people: without what it said, or to which number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import phonenumbers
import sqlalchemy as sa

from idp.core.ids import fingerprint
from idp.core.ports import Receipt
from idp.store import Unit
from idp.store.columns import Instant
from idp.store.schema import deliveries as table

KEPT = timedelta(days=30)
_LONGEST_PAGE = 1000


class Status(StrEnum):
    """How far a message has come."""

    WAITING = "waiting"  # for a carrier that takes it
    ACCEPTED = "accepted"  # by a carrier
    DELIVERED = "delivered"  # so the carrier reported
    UNDELIVERED = "undelivered"  # so the carrier reported
    FAILED = "failed"  # no carrier took it in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message's way. masked is what may be shown of the number or address."""

    id: str
    kind: str
    person: str
    masked: str
    carrier: str
    reference: str
    status: Status
    reason: str
    created_at: datetime
    updated_at: datetime


_COLUMNS = [column for column in table.c if column.name not in {"secret", "expires_at"}]
_INSERT = sa.insert(table)
_WHICH = table.c.id == sa.bindparam("which")
_AT = sa.bindparam("at", type_=Instant)
_ONE = sa.select(*_COLUMNS).where(_WHICH)
_BY_SECRET = sa.select(*_COLUMNS).where(table.c.secret == sa.bindparam("wanted"))
_PAGE = sa.select(*_COLUMNS).order_by(table.c.created_at.desc()).limit(sa.bindparam("limit"))
_LATEST = (
    sa.select(*_COLUMNS)
    .where(
        table.c.kind == sa.bindparam("wanted"), table.c.created_at <= sa.bindparam("before", type_=Instant)
    )
    .order_by(table.c.created_at.desc())
    .limit(1)
)
_PROBLEM = sa.update(table).where(_WHICH).values(reason=sa.bindparam("why"), updated_at=_AT)
_FAIL = _PROBLEM.where(table.c.status == Status.WAITING.value).values(status=Status.FAILED.value)
# A report may come before the carrier's own answer: what it said stays.
_HAND_OVER = (
    sa.update(table)
    .where(_WHICH)
    .values(
        carrier=sa.bindparam("taker"),
        reference=sa.bindparam("theirs"),
        reason=sa.case((table.c.status == Status.WAITING.value, ""), else_=table.c.reason),
        status=sa.case((table.c.status == Status.WAITING.value, Status.ACCEPTED.value), else_=table.c.status),
        updated_at=_AT,
    )
)
# The first last word counts: a report that comes again, or late, changes nothing.
_REPORT = (
    sa.update(table)
    .where(_WHICH, table.c.status.in_([Status.WAITING.value, Status.ACCEPTED.value, Status.FAILED.value]))
    .values(status=sa.bindparam("now"), reason=sa.bindparam("why"), updated_at=_AT)
)


def begin(
    unit: Unit, *, delivery: str, secret: str, kind: str, person: str, masked: str, at: datetime
) -> None:
    """Begin to record a message. secret is what its receipts address is known by."""
    row = {
        "id": delivery,
        "secret": fingerprint(secret),
        "kind": kind,
        "person": person,
        "masked": masked,
        "carrier": "",
        "reference": "",
        "status": Status.WAITING.value,
        "reason": "",
        "created_at": at,
        "updated_at": at,
        "expires_at": at + KEPT,
    }
    unit.execute(_INSERT, row)


def handed_over(unit: Unit, delivery: str, *, carrier: str, reference: str, at: datetime) -> None:
    """Record that a carrier took it."""
    row = {"which": delivery, "taker": carrier, "theirs": reference, "at": at}
    unit.execute(_HAND_OVER, row)


def held_up(unit: Unit, delivery: str, *, reason: str, at: datetime) -> None:
    """Record why it still waits."""
    unit.execute(_PROBLEM, {"which": delivery, "why": reason, "at": at})


def failed(unit: Unit, delivery: str, *, reason: str, at: datetime) -> None:
    """Record that no carrier took it, and none is asked any more."""
    unit.execute(_FAIL, {"which": delivery, "why": reason, "at": at})


def reported(unit: Unit, delivery: str, receipt: Receipt, *, at: datetime) -> bool:
    """Record what the carrier reports in the end; return False when that was known already."""
    status = Status.DELIVERED if receipt.arrived else Status.UNDELIVERED
    row = {"which": delivery, "now": status.value, "why": receipt.reason, "at": at}
    return unit.execute(_REPORT, row).rowcount == 1


def by_secret(connection: sa.Connection, secret: str) -> Delivery | None:
    """Return the message whose receipts address has this secret."""
    row = connection.execute(_BY_SECRET, {"wanted": fingerprint(secret)}).mappings().one_or_none()
    return None if row is None else _delivery(row)


def one(connection: sa.Connection, delivery: str) -> Delivery | None:
    """Return a message by its id."""
    row = connection.execute(_ONE, {"which": delivery}).mappings().one_or_none()
    return None if row is None else _delivery(row)


def recent(connection: sa.Connection, *, person: str = "", limit: int = 100) -> Sequence[Delivery]:
    """Return the newest messages, of a person or of all; at most 1000."""
    page = _PAGE.where(table.c.person == person) if person else _PAGE
    rows = connection.execute(page, {"limit": max(1, min(limit, _LONGEST_PAGE))})
    return [_delivery(row) for row in rows.mappings()]


def latest(connection: sa.Connection, kind: str, *, before: datetime) -> Delivery | None:
    """Return the newest message of a kind that was put in before a time."""
    row = connection.execute(_LATEST, {"wanted": kind, "before": before}).mappings().one_or_none()
    return None if row is None else _delivery(row)


def masked(to: str) -> str:
    """Return what may be shown of a number (E.164) or mail address."""
    to = to.partition(";")[0]  # an extension stands behind it
    local, at, domain = to.rpartition("@")
    return f"{local[:1]}•••@{domain}" if at else f"{_calling_code(to)} ••• {to[-2:]}"


def _calling_code(number: str) -> str:
    try:
        return f"+{phonenumbers.parse(number).country_code}"
    except phonenumbers.NumberParseException:
        return "+"


def _delivery(row: sa.RowMapping) -> Delivery:
    return Delivery(**{**row, "status": Status(row["status"])})
