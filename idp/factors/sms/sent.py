"""The codes that were texted: one at a time for a place, sealed, used once, settled in the database."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.core.result import Result
from idp.keys import Sealer
from idp.store import Unit
from idp.store.columns import Instant
from idp.store.counters import count_down
from idp.store.schema import sent_codes

DIGITS = 6
LIFETIME = timedelta(minutes=10)
# Asked for again in its first half, the same code is sent again: two texts in whatever order say
# the same. Later a new one takes its place, with time left to type it.
_RENEWED = LIFETIME / 2
_PURPOSE = "sent-code"

_ONE = sa.select(sent_codes).where(sent_codes.c.place == sa.bindparam("where"))
_SENT = (
    sa.update(sent_codes)
    .where(sent_codes.c.place == sa.bindparam("where"))
    .values(sends=sent_codes.c.sends + 1, sent_at=sa.bindparam("at"), spent=sa.bindparam("counters"))
)
_USE = sa.delete(sent_codes).where(
    sent_codes.c.place == sa.bindparam("where"), sent_codes.c.sealed == sa.bindparam("version")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCode:
    """The code of a place. sends says how often it or those before it were sent there."""

    code: str = field(repr=False)
    expires_at: datetime
    sends: int
    sent_at: datetime | None
    spent: tuple[str, ...]


class SentCodes:
    """Codes by place: a key that names the sign-in and the phone, and can't be guessed."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def current(self, unit: Unit, place: str, *, now: datetime, until: datetime) -> SentCode:
        """Return the place's code, made now when there is none or it is old; good until `until` at most.

        The row stays locked for the unit: of two that want a text for one place at once, the
        second sees what the first sent.
        """
        code = str(secrets.randbelow(10**DIGITS)).zfill(DIGITS)
        row = {
            "place": place,
            "sealed": self._sealer.seal(code.encode(), purpose=_PURPOSE, context=place),
            "sends": 0,
            "spent": [],
            "expires_at": min(now + LIFETIME, until),
            "young": now + _RENEWED,
        }
        unit.execute(_make(unit.connection.dialect.name), row)
        found = unit.execute(_ONE, {"where": place}).mappings().one()
        return SentCode(
            code=self._sealer.open(found["sealed"], purpose=_PURPOSE, context=place).decode(),
            expires_at=found["expires_at"],
            sends=found["sends"],
            sent_at=found["sent_at"],
            spent=tuple(found["spent"]),
        )

    @staticmethod
    def sent(unit: Unit, place: str, *, now: datetime, spent: Sequence[str]) -> None:
        """Note that the place's code was sent once more; spent are all counters it raised so far."""
        unit.execute(_SENT, {"where": place, "at": now, "counters": list(spent)})

    def use(self, unit: Unit, place: str, typed: str, *, now: datetime) -> Result:
        """Use up the place's code if it is the one typed: COMPLETED once, whoever else tries."""
        found = unit.execute(_ONE, {"where": place}).mappings().one_or_none()
        if found is None:
            return Result.CODE_USED  # or it is long gone
        code = self._sealer.open(found["sealed"], purpose=_PURPOSE, context=place)
        if not hmac.compare_digest(code, typed.encode()):
            return Result.WRONG_CODE
        if found["expires_at"] <= now:
            return Result.CODE_EXPIRED
        if unit.execute(_USE, {"where": place, "version": found["sealed"]}).rowcount != 1:
            return Result.CODE_USED
        count_down(unit, found["spent"])
        return Result.COMPLETED


@cache
def _make(dialect: str) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    columns = ("place", "sealed", "sends", "spent", "expires_at")
    added = insert(sent_codes).values({name: sa.bindparam(name) for name in columns})
    kept = sent_codes.c.expires_at
    return added.on_conflict_do_update(
        index_elements=[sent_codes.c.place],
        set_={"sealed": added.excluded.sealed, "expires_at": added.excluded.expires_at},
        # A code at the end of its sign-in could not be given more time anyway.
        where=(kept <= sa.bindparam("young", type_=Instant)) & (kept < added.excluded.expires_at),
    )
