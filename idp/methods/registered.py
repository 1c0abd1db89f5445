"""Keep registered methods: add, list, use once per counter, remove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.ids import new_id
from idp.core.model import Method
from idp.core.ports import Clock, NewMethod
from idp.keys import Sealer
from idp.store import Store, Unit
from idp.store.schema import methods, people

_PURPOSE = "method"
# Everything but the sealed secret, which only `secret` reads.
_OPEN = [column for column in methods.c if column.name != "sealed"]

_OF = (
    sa.select(*_OPEN)
    .where(methods.c.person == sa.bindparam("person"))
    .order_by(methods.c.created_at, methods.c.id)
)
_SECRET = sa.select(methods.c.sealed).where(methods.c.id == sa.bindparam("id"))
_ADVANCE = (
    sa.update(methods)
    .where(methods.c.id == sa.bindparam("method"), methods.c.counter < sa.bindparam("to"))
    .values(counter=sa.bindparam("to"), last_used_at=sa.bindparam("at"))
)
_USED = (
    sa.update(methods).where(methods.c.id == sa.bindparam("method")).values(last_used_at=sa.bindparam("at"))
)
_REMOVE = sa.delete(methods).where(methods.c.id == sa.bindparam("method"))
# Whether a person may set up a first method hangs on all of their methods together: whoever adds
# or counts them waits for whoever does.
_HOLD = sa.select(people.c.id).where(people.c.id == sa.bindparam("holder")).with_for_update()
_CLOSE = (
    sa.update(people).where(people.c.id == sa.bindparam("person"), people.c.may_enrol).values(may_enrol=False)
)
_REOPEN = (
    sa.update(people)
    .where(
        people.c.id == sa.bindparam("holder"),
        ~sa.exists().where(methods.c.person == sa.bindparam("holder")),
    )
    .values(may_enrol=True)
)


class Methods:
    """The registered methods of everybody."""

    def __init__(self, store: Store, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock

    def of(self, connection: sa.Connection, person_id: str) -> tuple[Method, ...]:
        """Return the person's methods, oldest first, without their secrets."""
        rows = connection.execute(_OF, {"person": person_id}).mappings()
        return tuple(_method(row) for row in rows)

    def secret(self, connection: sa.Connection, method_id: str) -> bytes:
        """Return a method's secret. Raises Refused when the method is gone or was tampered with."""
        sealed = connection.execute(_SECRET, {"id": method_id}).scalar()
        if sealed is None:
            raise Refused("That sign-in method is no longer registered.")
        return self._sealer.open(sealed, purpose=_PURPOSE, context=method_id)

    def add(self, unit: Unit, person_id: str, new: NewMethod, *, allowed: bool = False) -> Method:
        """Store a confirmed method; the first one closes enrolment for the person.

        allowed says that an administrator adds it or that a fresh proof of another method was
        seen. Without it only a first method is accepted, and of two at the same time one:
        whoever stole just a password must not add a method of their own. Raises Refused.
        """
        unit.execute(_HOLD, {"holder": person_id})
        closed = unit.execute(_CLOSE, {"person": person_id}).rowcount == 1
        if not closed and not allowed:
            raise Refused("A sign-in method was set up already. Sign in again to use it.")
        method = Method(
            id=new_id(),
            person=person_id,
            factor=new.factor,
            label=new.label,
            created_at=self._clock.now(),
            counter=new.counter,
            data=dict(new.data),
        )
        unit.execute(sa.insert(methods), self._row(method, new.secret))
        return method

    def advance(self, unit: Unit, method_id: str, counter: int) -> bool:
        """Use up a counter or time step: True once, and only for one beyond the last used."""
        values = {"method": method_id, "to": counter, "at": self._clock.now()}
        return unit.execute(_ADVANCE, values).rowcount == 1

    def used(self, unit: Unit, method_id: str) -> None:
        """Note that a method without a counter was used now."""
        unit.execute(_USED, {"method": method_id, "at": self._clock.now()})

    def remove(self, unit: Unit, method_id: str) -> bool:
        """Forget a method and its secret. Return whether it was there."""
        return unit.execute(_REMOVE, {"method": method_id}).rowcount == 1

    def reopen(self, unit: Unit, person_id: str) -> bool:
        """Let a person without any method set up a first one again. Return whether so."""
        unit.execute(_HOLD, {"holder": person_id})
        return unit.execute(_REOPEN, {"holder": person_id}).rowcount == 1

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
        }


def _method(row: Mapping[Any, Any]) -> Method:
    return Method(**row)
