"""Tell a wrong master key at the start, before it looks like damaged data."""

from __future__ import annotations

import base64

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.keys.seal import Sealer
from idp.store import Unit, schema

_KEY = "keys.check"
_PURPOSE = "check"
_TEXT = b"countersign"
_READ = sa.select(schema.settings.c.value).where(schema.settings.c.key == _KEY)
_WRITE = sa.insert(schema.settings)


def remember_master(unit: Unit, sealer: Sealer) -> None:
    """Note at the first start which master key seals this database; later compare.

    Raises Refused when it is another one.
    """
    if unit.execute(_READ).scalar() is None:
        # Not a configuration change: nobody chose it, and no cache depends on it.
        sealed = sealer.seal(_TEXT, purpose=_PURPOSE, context="")
        unit.execute(_WRITE, {"key": _KEY, "value": base64.b64encode(sealed).decode()})
    check_master(unit.connection, sealer)


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
