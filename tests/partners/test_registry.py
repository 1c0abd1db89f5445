"""The partners on record, as sign-ins see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp.core.model import Actor, Partner
from idp.partners import registry
from idp.partners.registry import Partners
from idp.store import open_store

pytestmark = pytest.mark.backends
ACTOR = Actor(kind="cli", id="test")
WIKI = Partner(id="p1", door="oidc", identifier="wiki", name="Wiki", issuer="default")


def test_what_another_process_just_added_is_found_at_once(store, database, clock):
    here = Partners(store)
    assert here.find("oidc", "wiki") is None
    elsewhere = open_store(database)
    with elsewhere.write() as unit:
        saved = Partners.save(unit, WIKI, actor=ACTOR, at=clock.now())
    elsewhere.dispose()
    assert here.find("oidc", "wiki") == saved
    assert here.get("p1") == saved


def test_identifiers_match_exactly_and_per_door(store, clock):
    with store.write() as unit:
        Partners.save(unit, WIKI, actor=ACTOR, at=clock.now())
    partners = Partners(store)
    assert partners.find("oidc", "wiki") is not None
    for door, identifier in (("oidc", "Wiki"), ("oidc", "wiki "), ("saml", "wiki"), ("oidc", "")):
        assert partners.find(door, identifier) is None


def test_a_changed_partner_is_read_again(store, clock):
    partners = Partners(store)
    with store.write() as unit:
        Partners.save(unit, WIKI, actor=ACTOR, at=clock.now())
    assert partners.get("p1") is partners.find("oidc", "wiki")
    with store.write() as unit:
        Partners.save(unit, replace(WIKI, enabled=False), actor=ACTOR, at=clock.now())
    assert not partners.get("p1").enabled
    with store.write() as unit:
        Partners.remove(unit, WIKI, actor=ACTOR, at=clock.now())
    assert partners.get("p1") is None
    assert partners.find("oidc", "wiki") is None


def test_a_process_holds_few_of_many_partners(store, clock, monkeypatch):
    monkeypatch.setattr(registry, "MOST_HELD", 2)
    with store.write() as unit:
        for number in range(5):
            one = replace(WIKI, id=f"p{number}", identifier=f"wiki{number}")
            Partners.save(unit, one, actor=ACTOR, at=clock.now())
    partners = Partners(store)
    for number in (*range(5), 0):
        assert partners.find("oidc", f"wiki{number}").id == f"p{number}"
    held = partners._cache.get()
    assert held.partner.cache_info().currsize == held.id_of.cache_info().currsize == 2


@pytest.mark.parametrize("name", ["wiki\0", "\ud800", "\0"])
def test_what_no_database_stores_is_nobody(store, name):
    partners = Partners(store)
    assert partners.get(name) is None
    assert partners.find("oidc", name) is None
    with store.read() as connection:
        assert Partners.named(connection, name) == ()


def test_pages_follow_the_name_in_any_case_and_miss_nobody(store, clock):
    names = ["beta", "Alpha", "alpha", "Ünder", "gamma", "delta"]
    with store.write() as unit:
        for number, name in enumerate(names):
            one = replace(WIKI, id=f"p{number}", identifier=f"app{number}", name=name)
            Partners.save(unit, one, actor=ACTOR, at=clock.now())
        Partners.save(unit, replace(WIKI, id="own", door="local"), actor=ACTOR, at=clock.now())
    found, after = [], None
    with store.read() as connection:
        while page := Partners.page(connection, after=after, limit=2, without="local"):
            found += [one.name for one in page]
            after = page[-1]
    assert found == ["Alpha", "alpha", "beta", "delta", "gamma", "Ünder"]


def test_those_that_people_may_open_are_found_by_it(store, clock):
    with store.write() as unit:
        for number, settings in enumerate(({}, {"idp_initiated": True}, {"idp_initiated": False})):
            one = replace(WIKI, id=f"p{number}", identifier=f"app{number}", settings=settings)
            Partners.save(unit, one, actor=ACTOR, at=clock.now())
    with store.read() as connection:
        assert [one.id for one in Partners.startable(connection, most=10)] == ["p1"]
    with store.write() as unit:
        off = replace(WIKI, id="p1", identifier="app1", settings={"idp_initiated": True}, enabled=False)
        Partners.save(unit, off, actor=ACTOR, at=clock.now())
    with store.read() as connection:
        assert Partners.startable(connection, most=10) == ()


def test_the_history_of_changes_holds_no_secret(store, clock):
    secretive = replace(WIKI, settings={"secret_hash": "abc", "redirect_uris": []})
    with store.write() as unit:
        Partners.save(unit, secretive, actor=ACTOR, at=clock.now())
        Partners.remove(unit, secretive, actor=ACTOR, at=clock.now())
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT before, after FROM changes").all()
    assert len(rows) == 2
    assert "abc" not in str(rows)
