"""Store: the database engine, schema, migrations, unit of work and the one change function."""

from idp.store.changes import Change, change, revision
from idp.store.database import Store, Unit, open_store

__all__ = ["Change", "Store", "Unit", "change", "open_store", "revision"]
