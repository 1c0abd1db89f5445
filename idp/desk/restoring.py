"""What must happen to a database that was restored, before anybody is served from it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.rights import need_owner
from idp.keys import Sealer, renew_master, reseal
from idp.store import Store, schema

_LAST = sa.select(sa.func.max(schema.audit.c.at, type_=schema.audit.c.at.type))
_NOW = sa.bindparam("now", type_=schema.audit.c.at.type)
# What ended after the copy was made would go on, and what was sent or used would be once more.
_OVER = (
    sa.update(schema.sessions).where(schema.sessions.c.ended_at.is_(None)).values(ended_at=_NOW),
    sa.update(schema.grants).where(schema.grants.c.revoked_at.is_(None)).values(revoked_at=_NOW),
    sa.update(schema.outbox)
    .where(schema.outbox.c.done_at.is_(None))
    .values(sealed=None, lease="", leased_until=None, done_at=_NOW, error="restored"),
    sa.delete(schema.tokens),
    sa.delete(schema.sent_codes),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoringDesk:
    """The desk's verb for a restored database."""

    store: Store
    clock: Clock
    audit: AuditLog

    def settle(self, sealer: Sealer, *, actor: Actor) -> None:
        """End sessions, grants, tokens and texted codes, drop what waits to be sent, and record it.

        What is sealed with a former master key is sealed anew: that key may be taken away.
        """
        need_owner(actor)
        reseal(self.store, sealer)
        now = self.clock.now()
        with self.store.write(alone=True) as unit:
            last = unit.execute(_LAST).scalar()
            for statement in _OVER:
                unit.execute(statement, {"now": now})
            renew_master(unit, sealer, actor=actor, at=now)
            entry = Entry(
                event=Event.DATABASE_RESTORED,
                detail={"last_event": last.isoformat() if last else ""},
                actor=f"{actor.kind}:{actor.id}",
            )
            self.audit.record(unit, entry)
