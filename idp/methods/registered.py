"""Keep registered methods: add, list, use once per counter or code, remove."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from secrets import token_bytes
from sys import maxsize
from typing import Any

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.ids import new_id
from idp.core.model import Method
from idp.core.ports import Clock, NewMethod
from idp.core.result import Result
from idp.keys import Sealer
from idp.store import Store, Unit
from idp.store.prepared import Prepared
from idp.store.schema import method_codes, methods, people, push_drafts, push_subscriptions

# They stand in for a method that was lost or is not there yet. Whoever has nothing else is not
# registered: first enrolment stays open to them.
STAND_INS = ("pass", "recovery")

_LONGEST_LABEL = 60
_PURPOSE = "method"
# Everything but the sealed secret, which only `secret` reads.
_OPEN = [column for column in methods.c if column.name != "sealed"]
_NOW = sa.bindparam("now", type_=methods.c.ends_at.type)
_LIVE = sa.or_(methods.c.ends_at.is_(None), methods.c.ends_at > _NOW)

_OF = (
    sa.select(*_OPEN)
    .where(methods.c.person == sa.bindparam("person"), _LIVE)
    .order_by(methods.c.created_at, methods.c.id)
)
_HELD = (
    sa.select(methods)
    .where(methods.c.person == sa.bindparam("person"), methods.c.factor == sa.bindparam("of"), _LIVE)
    .order_by(methods.c.created_at, methods.c.id)
)
_ONE = sa.select(*_OPEN).where(methods.c.id == sa.bindparam("method"), _LIVE)
_THERE = Prepared(sa.select(methods.c.id).where(methods.c.id == sa.bindparam("method"), _LIVE))
_SECRET = sa.select(methods.c.sealed).where(methods.c.id == sa.bindparam("id"))
_ADVANCE = (
    sa.update(methods)
    .where(methods.c.id == sa.bindparam("method"), methods.c.counter < sa.bindparam("to"))
    .values(counter=sa.bindparam("to"), last_used_at=sa.bindparam("at"))
)
_USED = sa.update(methods).where(methods.c.id == sa.bindparam("method")).values(last_used_at=_NOW)
_RENAME = (
    sa.update(methods).where(methods.c.id == sa.bindparam("method")).values(label=sa.bindparam("called"))
)
_SHORTEN = (
    sa.update(methods)
    .where(methods.c.id == sa.bindparam("method"), methods.c.ends_at > sa.bindparam("end"))
    .values(ends_at=sa.bindparam("end"))
)
_USE_CODE = (
    sa.update(method_codes)
    .where(
        method_codes.c.method == sa.bindparam("of"),
        method_codes.c.hash == sa.bindparam("hashed"),
        method_codes.c.used_at.is_(None),
    )
    .values(used_at=_NOW)
)
_HAS_CODE = sa.select(method_codes.c.method).where(
    method_codes.c.method == sa.bindparam("of"), method_codes.c.hash == sa.bindparam("hashed")
)
_LEFT = sa.select(sa.func.count()).where(
    method_codes.c.method == sa.bindparam("of"), method_codes.c.used_at.is_(None)
)
_REMOVE = sa.delete(methods).where(methods.c.id == sa.bindparam("method"))
# Whether a person may set up a first method hangs on all of their methods together: whoever adds
# or counts them waits for whoever does.
_HOLD = sa.select(people.c.id).where(people.c.id == sa.bindparam("holder")).with_for_update()
_REMOVE_CODES = sa.delete(method_codes).where(method_codes.c.method == sa.bindparam("of"))
_REMOVE_SUBSCRIPTION = sa.delete(push_subscriptions).where(push_subscriptions.c.device == sa.bindparam("of"))
_END_DRAFT = sa.delete(push_drafts).where(push_drafts.c.id == sa.bindparam("of"))
_CLOSE = (
    sa.update(people)
    .where(people.c.id == sa.bindparam("person"), people.c.may_enrol)
    .values(may_enrol=False, recovery_due=sa.bindparam("codes_due"))
)
_SETTLE = (
    sa.update(people)
    .where(people.c.id == sa.bindparam("person"), people.c.recovery_due)
    .values(recovery_due=False)
)
_REOPEN = (
    sa.update(people)
    .where(
        people.c.id == sa.bindparam("holder"),
        ~people.c.may_enrol,
        ~sa.exists().where(methods.c.person == sa.bindparam("holder"), methods.c.factor.not_in(STAND_INS)),
    )
    .values(may_enrol=True, recovery_due=False)
)


Held = tuple[Method, bytes]
"""A method and its secret."""


class Methods:
    """The registered methods of everybody. One that has ended is not there any more."""

    def __init__(self, store: Store, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock

    def of(self, connection: sa.Connection, person_id: str) -> tuple[Method, ...]:
        """Return the person's methods, oldest first, without their secrets."""
        found = {"person": person_id, "now": self._clock.now()}
        rows = connection.execute(_OF, found).mappings()
        return tuple(_method(row) for row in rows)

    def mine(self, connection: sa.Connection, method_id: str, *, person: str, factor: str) -> Method:
        """Return a person's method of a factor. Raises Refused when there is none with that id."""
        for method in self.of(connection, person):
            if (method.id, method.factor) == (method_id, factor):
                return method
        raise Refused("That sign-in method is no longer registered.", result=Result.NO_METHOD)

    def one(self, connection: sa.Connection, method_id: str, *, factor: str) -> Method | None:
        """Return a method of a factor, whosever it is."""
        found = {"method": method_id, "now": self._clock.now()}
        row = connection.execute(_ONE, found).mappings().first()
        return _method(row) if row is not None and row["factor"] == factor else None

    def there(self, connection: sa.Connection, method_id: str) -> bool:
        """Say whether a method is still registered."""
        found = {"method": method_id, "now": self._clock.now()}
        return _THERE.first(connection, found) is not None

    def secret(self, connection: sa.Connection, method_id: str) -> bytes:
        """Return a method's secret. Raises Refused when the method is gone or was tampered with."""
        sealed = connection.execute(_SECRET, {"id": method_id}).scalar()
        if sealed is None:
            raise Refused("That sign-in method is no longer registered.", result=Result.NO_METHOD)
        return self._sealer.open(sealed, purpose=_PURPOSE, context=method_id)

    def held(self, connection: sa.Connection, person_id: str, factor: str) -> Sequence[Held]:
        """Return a person's methods of a factor with their secrets.

        Who has none, or is nobody, gets one that no answer fits: it costs the same. Raises Refused when a
        secret was tampered with.
        """
        found = {"person": person_id, "of": factor, "now": self._clock.now()}
        rows: Sequence[Mapping[Any, Any]] = connection.execute(_HELD, found).mappings().all()
        return [self._held(row) for row in rows or (self._nobodys,)]

    @cached_property
    def _nobodys(self) -> Mapping[Any, Any]:
        at = self._clock.now()
        none = Method(id="", person="", factor="", label="", created_at=at, counter=maxsize)
        return self._row(none, token_bytes(20))

    def _held(self, row: Mapping[Any, Any]) -> Held:
        secret = self._sealer.open(row["sealed"], purpose=_PURPOSE, context=row["id"])
        return _method({name: value for name, value in row.items() if name != "sealed"}), secret

    def add(self, unit: Unit, person_id: str, new: NewMethod, *, allowed: bool = False) -> Method:
        """Store a confirmed method; the first one closes enrolment for the person.

        allowed says that an administrator adds it or that a fresh proof of another method was
        seen. Without it only a first method is accepted, and of two at the same time one:
        whoever stole just a password must not add a method of their own. Raises Refused.
        """
        unit.execute(_HOLD, {"holder": person_id})
        if not self._admit(unit, person_id, new.factor, allowed=allowed) and not allowed:
            raise Refused("A sign-in method was set up already. Sign in again to use it.")
        method = Method(
            id=new.id or new_id(),
            person=person_id,
            factor=new.factor,
            label=new.label,
            created_at=self._clock.now(),
            counter=new.counter,
            data=dict(new.data),
            ends_at=new.ends_at,
        )
        unit.execute(sa.insert(methods), self._row(method, new.secret))
        if new.id:
            unit.execute(_END_DRAFT, {"of": method.id})  # of one thing there is one, at any moment
        if new.codes:
            for old in self.of(unit.connection, person_id):
                if old.factor == new.factor and old.id != method.id:
                    self.remove(unit, old.id)  # lists that lie about somewhere
            rows = [{"method": method.id, "hash": _hash(new.secret, code)} for code in new.codes]
            unit.execute(sa.insert(method_codes), rows)
        return method

    @staticmethod
    def _admit(unit: Unit, person_id: str, factor: str, *, allowed: bool) -> bool:
        """Close what this method was awaited for; return whether it was open until now."""
        if factor == "recovery":
            return unit.execute(_SETTLE, {"person": person_id}).rowcount == 1
        if factor in STAND_INS:
            return False
        # Who gets the first method from an administrator gets recovery codes from one, too.
        closing = {"person": person_id, "codes_due": not allowed}
        return unit.execute(_CLOSE, closing).rowcount == 1

    # Using ------------------------------------------------------------------------------------
    def advance(self, unit: Unit, method_id: str, counter: int) -> bool:
        """Use up a counter or time step: True once, and only for one beyond the last used."""
        values = {"method": method_id, "to": counter, "at": self._clock.now()}
        return unit.execute(_ADVANCE, values).rowcount == 1

    def use_code(self, unit: Unit, method_id: str, code: str, *, key: bytes = b"") -> bool:
        """Use up one of a method's codes: of several callers at once one gets True.

        key is the method's secret, where it was read already.
        """
        key = key or self.secret(unit.connection, method_id)
        using = {"of": method_id, "hashed": _hash(key, code), "now": self._clock.now()}
        return unit.execute(_USE_CODE, using).rowcount == 1

    def has_code(self, connection: sa.Connection, method_id: str, code: str, *, key: bytes = b"") -> bool:
        """Say whether this is one of a method's codes, used or not; key as for `use_code`."""
        hashed = _hash(key or self.secret(connection, method_id), code)
        found = {"of": method_id, "hashed": hashed}
        return connection.execute(_HAS_CODE, found).first() is not None

    def used(self, unit: Unit, method_id: str) -> None:
        """Note that a method was used just now."""
        unit.execute(_USED, {"method": method_id, "now": self._clock.now()})

    def codes_left(self, connection: sa.Connection, method_id: str) -> int:
        """Return how many of a method's codes were not used yet."""
        return int(connection.execute(_LEFT, {"of": method_id}).scalar_one())

    def end_by(self, unit: Unit, method_id: str, end: datetime) -> None:
        """Have a method that ends by itself end no later than this."""
        unit.execute(_SHORTEN, {"method": method_id, "end": end})

    def rename(self, unit: Unit, method_id: str, label: str) -> None:
        """Give a method another name."""
        unit.execute(_RENAME, {"method": method_id, "called": label})

    # Removing ---------------------------------------------------------------------------------
    def remove(self, unit: Unit, method_id: str) -> bool:
        """Forget a method with its secret and codes. Return whether it was there."""
        unit.execute(_REMOVE_CODES, {"of": method_id})
        unit.execute(_REMOVE_SUBSCRIPTION, {"of": method_id})
        return unit.execute(_REMOVE, {"method": method_id}).rowcount == 1

    def reopen(self, unit: Unit, person_id: str) -> bool:
        """Let a person without any method of their own set up a first one again. Return whether so."""
        unit.execute(_HOLD, {"holder": person_id})
        return unit.execute(_REOPEN, {"holder": person_id}).rowcount == 1

    def _hashed(self, connection: sa.Connection, method_id: str, code: str) -> str:
        return _hash(self.secret(connection, method_id), code)

    def _row(self, method: Method, secret: bytes) -> Mapping[str, Any]:
        return {
            "id": method.id,
            "person": method.person,
            "factor": method.factor,
            "label": method.label,
            "sealed": self._sealer.seal(secret, purpose=_PURPOSE, context=method.id),
            "counter": method.counter,
            "data": dict(method.data),
            "created_at": method.created_at,
            "last_used_at": None,
            "ends_at": method.ends_at,
        }


def _method(row: Mapping[Any, Any]) -> Method:
    return Method(**row)


def _hash(key: bytes, code: str) -> str:
    # Keyed, and the key is sealed: from a copy of the database alone no code can be tried out,
    # however fast. A slow hash would still be tried, and cost ten times at each sign-in.
    return hmac.digest(key, code.encode(), "sha256").hex()


def label_of(typed: str) -> str:
    """Return a name for a method as it was typed, on one line, of letters that can be seen."""
    seen = "".join(letter if letter.isprintable() else " " for letter in typed[: 4 * _LONGEST_LABEL])
    return " ".join(seen.split())[:_LONGEST_LABEL]
