"""Browsers that a person signed in with before: known ones count apart, and may stand in for a factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from idp.core import codec
from idp.core.ids import fingerprint, new_id, new_secret
from idp.core.model import Kind, Proof
from idp.store import Unit
from idp.store.prepared import Prepared
from idp.store.schema import devices

_FIND = sa.select(devices.c.person).where(
    devices.c.secret == sa.bindparam("hashed"),
    devices.c.expires_at > sa.bindparam("now", type_=devices.c.expires_at.type),
)
_SEEN = (
    sa.update(devices)
    .where(
        devices.c.secret == sa.bindparam("hashed"),
        devices.c.person == sa.bindparam("whose"),
        devices.c.expires_at > sa.bindparam("now", type_=devices.c.expires_at.type),
    )
    .values(
        last_seen_at=sa.bindparam("now", type_=devices.c.last_seen_at.type),
        expires_at=sa.bindparam("until", type_=devices.c.expires_at.type),
    )
)
_INSERT = sa.insert(devices)
_FORGET = sa.delete(devices).where(devices.c.person == sa.bindparam("whose"))
_MOST_SHOWN = 50
_NOTHING: sa.ColumnClause[str] = sa.literal_column("'[]'")  # a parameter would have to be given at each run
_SOME = sa.cast(devices.c.remembered, sa.Text) != _NOTHING
_MINE = (
    sa.select(devices)
    .where(
        devices.c.person == sa.bindparam("whose"),
        devices.c.expires_at > sa.bindparam("now", type_=devices.c.expires_at.type),
        _SOME,
    )
    .order_by(devices.c.last_seen_at.desc(), devices.c.id)
    .limit(_MOST_SHOWN)
)
_HERE = Prepared(
    sa.select(devices.c.id, devices.c.remembered).where(
        devices.c.secret == sa.bindparam("hashed"),
        devices.c.person == sa.bindparam("whose"),
        devices.c.expires_at > sa.bindparam("now", type_=devices.c.expires_at.type),
    )
)
_STANDS = Prepared(sa.select(devices.c.id).where(devices.c.id == sa.bindparam("device"), _SOME))
_KEEP = (
    sa.update(devices)
    .where(devices.c.secret == sa.bindparam("hashed"), devices.c.person == sa.bindparam("whose"))
    .values(remembered=sa.bindparam("proofs", type_=sa.JSON), secret=sa.bindparam("to"))
)
_TRUSTED = sa.select(devices.c.id).where(devices.c.person == sa.bindparam("whose"), _SOME)
_ASK_AGAIN = (
    sa.update(devices)
    .where(devices.c.id == sa.bindparam("device"))
    .values(remembered=sa.bindparam("nothing", type_=sa.JSON), id=sa.bindparam("fresh"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """A browser that stands in for a second factor: label is its user agent, since when it does."""

    id: str
    label: str
    since: datetime
    last_seen_at: datetime


class Devices:
    """Remembers browsers.

    Being known proves nothing, and keeps counters apart. On one that its person trusts, what was shown
    as second factor stands for a while; policy says for how long, each time.
    """

    def __init__(self, lasts: timedelta) -> None:
        self._lasts = lasts

    def person_of(self, connection: sa.Connection, secret: str, now: datetime) -> str:
        """Return the id of the person who signed in on this browser last, or ''."""
        if not secret:
            return ""
        found = {"hashed": fingerprint(secret), "now": now}
        return connection.execute(_FIND, found).scalar() or ""

    def remember(self, unit: Unit, *, secret: str, person: str, label: str, now: datetime) -> str | None:
        """Note a full sign-in of a person on this browser; return a new secret if it needs one."""
        until = now + self._lasts
        seen = {"hashed": fingerprint(secret), "whose": person, "now": now, "until": until}
        if secret and unit.execute(_SEEN, seen).rowcount == 1:
            return None
        fresh = new_secret()
        row = {
            "id": new_id(),
            "secret": fingerprint(fresh),
            "person": person,
            "label": label[:200],
            "created_at": now,
            "last_seen_at": now,
            "expires_at": until,
        }
        unit.execute(_INSERT, row)
        return fresh

    def vouched(
        self, connection: sa.Connection, *, secret: str, person: str, now: datetime
    ) -> tuple[Proof, ...]:
        """Return what a browser stands in for: what this very person showed on it earlier."""
        if not secret:
            return ()
        row = _HERE.first(connection, {"hashed": fingerprint(secret), "whose": person, "now": now})
        if row is None:
            return ()
        return tuple(
            replace(codec.build(Proof, proof), remembered=row["id"]) for proof in row["remembered"] or ()
        )

    def stands(self, connection: sa.Connection, device: str) -> bool:
        """Say whether a browser still stands in for something."""
        return _STANDS.first(connection, {"device": device}) is not None

    def trust(self, unit: Unit, *, secret: str, person: str, proofs: Sequence[Proof]) -> str:
        """Have a browser stand in for these proofs from now on, in place of what it stood for before.

        Of each only that something was had is kept. Return its new secret: a copy of the former, made when
        it was worth nothing, must not become a factor.
        """
        shown = [codec.plain(_standing(proof)) for proof in proofs if Kind.HAVE in proof.kinds]
        fresh = new_secret()
        row = {"hashed": fingerprint(secret), "whose": person, "proofs": shown, "to": fingerprint(fresh)}
        return fresh if unit.execute(_KEEP, row).rowcount == 1 else secret

    def trusted(self, connection: sa.Connection, person: str, now: datetime) -> tuple[Trusted, ...]:
        """Return the browsers that stand in for something, the newest first."""
        rows = connection.execute(_MINE, {"whose": person, "now": now}).mappings()
        found = (
            Trusted(
                id=row["id"],
                label=row["label"],
                since=max(codec.build(Proof, proof).at for proof in row["remembered"]),
                last_seen_at=row["last_seen_at"],
            )
            for row in rows
        )
        return tuple(sorted(found, key=lambda one: (one.since, one.id), reverse=True))

    def ask_again(self, unit: Unit, person: str, device: str = "") -> int:
        """Have one browser of a person stand in for nothing any more, or all; return how many did.

        Under their new ids nothing counts again that sessions keep of them, whatever is ticked later.
        """
        found = unit.execute(_TRUSTED, {"whose": person}).scalars().all()
        ended = [one for one in found if device in ("", one)]
        for one in ended:
            unit.execute(_ASK_AGAIN, {"device": one, "nothing": [], "fresh": new_id()})
        return len(ended)

    def forget(self, unit: Unit, person: str) -> None:
        """Forget every browser of a person: each counts as a stranger's from now on."""
        unit.execute(_FORGET, {"whose": person})


def _standing(proof: Proof) -> Proof:
    return replace(
        proof,
        kinds=frozenset({Kind.HAVE}),
        amr=(),
        user_verified=False,
        phishing_resistant=False,
        detail={},
    )
