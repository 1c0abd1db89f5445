"""Tell a wrong master key at the start, before it looks like damaged data."""

from __future__ import annotations

import base64
from datetime import datetime

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.model import Actor
from idp.keys.seal import Sealer
from idp.store import Change, Unit, change, schema

_KEY = "keys.check"
_PURPOSE = "check"
_TEXT = b"countersign"
_READ = sa.select(schema.settings.c.value).where(schema.settings.c.key == _KEY)
_WRITE = sa.insert(schema.settings)
_UPDATE = (
    sa.update(schema.settings)
    .where(schema.settings.c.key == _KEY)
    .values(value=sa.bindparam("value", type_=sa.JSON))
)


def remember_master(unit: Unit, sealer: Sealer) -> None:
    """Note at the first start which master key seals this database; later compare.

    Raises Refused when it is another one.
    """
    if unit.execute(_READ).scalar() is None:
        # Not a configuration change: nobody chose it, and no cache depends on it.
        sealed = sealer.seal(_TEXT, purpose=_PURPOSE, context="")
        unit.execute(_WRITE, {"key": _KEY, "value": base64.b64encode(sealed).decode()})
    check_master(unit.connection, sealer)


def renew_master(unit: Unit, sealer: Sealer, *, actor: Actor, at: datetime) -> bool:
    """Note that another master key seals this database from now on; False when it does already."""
    value = unit.execute(_READ).scalar()
    before = (
        base64.b64decode(value) if value is not None else sealer.seal(_TEXT, purpose=_PURPOSE, context="")
    )
    sealed = sealer.renewed(before, purpose=_PURPOSE, context="")
    if sealed is None:
        return False
    unit.execute(_UPDATE, {"value": base64.b64encode(sealed).decode()})
    # Caches hold sealed values: they are read again.
    changed = Change(noun="master-key", key=_KEY, before={}, after={"seals_since": at.isoformat()})
    change(unit, actor=actor, at=at, change=changed)
    return True


def check_master(connection: sa.Connection, sealer: Sealer) -> None:
    """Raise Refused unless the master key is the one that seals this database.

    A database that was never started accepts any.
    """
    value = connection.execute(_READ).scalar()
    if value is None:
        return
    try:
        sealer.open(base64.b64decode(value), purpose=_PURPOSE, context="")
    except Refused as error:
        raise Refused(
            "This is not the master key that seals the database. Put the original key back "
            "(the master key file, or its environment variable): without it neither signing keys "
            "nor people's registered methods can be read."
        ) from error
