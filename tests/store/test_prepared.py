"""Prepared statements give what SQLAlchemy gives, value by value."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from idp.store import schema
from idp.store.prepared import Prepared

pytestmark = pytest.mark.backends

ROW = {
    "id": "p1",
    "source": "local",
    "source_key": "k",
    "name": "Zoë’s \u202eaccount",
    "display_name": "",
    "attributes": {"mail": ["a@example.org"], "n": None},
    "groups": [],
    "roles": ["owner"],
    "enabled": True,
    "may_enrol": False,
    "recovery_due": False,
    "proofs_from": None,
    "blocked_until": None,
    "block_reason": "",
    "preferred": "",
    "methods_seen_at": None,
    "created_at": datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
}
BY_ID = sa.select(schema.people).where(schema.people.c.id == sa.bindparam("id"))


def test_what_goes_in_comes_out_and_is_what_sqlalchemy_reads(store):
    with store.write() as unit:
        Prepared(sa.insert(schema.people).inline()).run(unit.connection, ROW)
    prepared = Prepared(BY_ID)
    with store.read() as connection:
        for _ in range(2):
            assert prepared.first(connection, {"id": "p1"}) == ROW
        assert dict(connection.execute(BY_ID, {"id": "p1"}).mappings().one()) == ROW
        assert prepared.first(connection, {"id": "p2"}) is None


def test_nulls_and_times_go_both_ways(store):
    insert = Prepared(sa.insert(schema.sessions).inline())
    ends = schema.sessions.c.expires_at
    later_than = Prepared(
        sa.select(schema.sessions.c.ended_at, ends).where(ends > sa.bindparam("now", type_=ends.type))
    )
    row = {
        "id": "s",
        "secret": "h",
        "person": "p",
        "proofs": [],
        "persistent": False,
        "created_at": ROW["created_at"],
        "expires_at": ROW["created_at"],
        "ended_at": None,
    }
    with store.write() as unit:
        insert.run(unit.connection, row)
        before = ROW["created_at"].replace(microsecond=123455)
        found = later_than.first(unit.connection, {"now": before})
        assert found == {"ended_at": None, "expires_at": ROW["created_at"]}
        assert later_than.first(unit.connection, {"now": ROW["created_at"]}) is None


def test_it_is_part_of_the_unit_of_work(store):
    def fail() -> None:
        with store.write() as unit:
            Prepared(sa.insert(schema.people).inline()).run(unit.connection, ROW)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with store.read() as connection:
        assert Prepared(BY_ID).first(connection, {"id": "p1"}) is None


def test_values_are_never_part_of_the_statement(store):
    with store.write() as unit:
        Prepared(sa.insert(schema.people).inline()).run(
            unit.connection, ROW | {"name": "'); DROP TABLE people--"}
        )
    with store.read() as connection:
        found = Prepared(BY_ID).first(connection, {"id": "p1"})
        assert found is not None
        assert found["name"] == "'); DROP TABLE people--"
        assert Prepared(BY_ID).first(connection, {"id": "' OR 1=1 --"}) is None
