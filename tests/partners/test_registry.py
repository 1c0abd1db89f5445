"""The partners on record, as sign-ins see them."""

from __future__ import annotations

from dataclasses import replace

from idp.core.model import Actor, Partner
from idp.partners.registry import Partners
from idp.store import open_store

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


def test_the_history_of_changes_holds_no_secret(store, clock):
    secretive = replace(WIKI, settings={"secret_hash": "abc", "redirect_uris": []})
    with store.write() as unit:
        Partners.save(unit, secretive, actor=ACTOR, at=clock.now())
        Partners.remove(unit, secretive, actor=ACTOR, at=clock.now())
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT before, after FROM changes").all()
    assert len(rows) == 2
    assert "abc" not in str(rows)
