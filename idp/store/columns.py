"""The kinds of columns that the tables are made of, and the metadata that gathers the tables."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData()

# Under this name a sealed column says its purpose, so that a new master key finds them all.
SEALED_AS = "sealed_as"
# What no text column takes: nothing on record contains it.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# SQLite only counts up by itself on INTEGER; PostgreSQL wants BIGINT for rows that never stop.
Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as integer microseconds since 1970: exact and sortable."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        """Turn an aware datetime into microseconds."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        """Turn microseconds into an aware datetime."""
        return None if value is None else _EPOCH + value * _MICROSECOND


def text(name: str, **options: Any) -> sa.Column[str]:
    """Return a text, not null unless the options say otherwise."""
    options.setdefault("nullable", False)
    return sa.Column(name, sa.Text, **options)


def at(name: str, **options: Any) -> sa.Column[datetime]:
    """Return a moment, not null unless the options say otherwise."""
    options.setdefault("nullable", False)
    return sa.Column(name, Instant, **options)


def json(name: str, **options: Any) -> sa.Column[Any]:
    """Return JSON, not null."""
    return sa.Column(name, sa.JSON, nullable=False, **options)


def flag(name: str, **options: Any) -> sa.Column[bool]:
    """Return yes or no, not null."""
    return sa.Column(name, sa.Boolean, nullable=False, **options)


def only(condition: str) -> dict[str, Any]:
    """Return the options of an index over only those rows that meet a condition (SQL)."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def sealed(purpose: str, *, nullable: bool = False) -> sa.Column[bytes]:
    """Make a column for a secret under the master key, bound to purpose and primary key (`keys.seal`)."""
    return sa.Column("sealed", sa.LargeBinary, nullable=nullable, info={SEALED_AS: purpose})
