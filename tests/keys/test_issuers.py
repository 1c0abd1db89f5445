"""The default issuer: made at the first start, and follows the base address."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.model import Issuer
from idp.keys import Issuers
from idp.store import schema

NOUNS = sa.select(schema.changes.c.noun, schema.changes.c.before, schema.changes.c.after)


def ensure(store, issuers, clock, base_url):
    with store.write() as unit:
        return issuers.ensure(unit, base_url, clock.now())


def test_the_first_start_makes_the_default_issuer(store, clock):
    issuers = Issuers(store)
    made = ensure(store, issuers, clock, "https://sso.example.com/")
    assert made == Issuer(
        id="default",
        base_url="https://sso.example.com",
        entity_id="https://sso.example.com/saml/metadata",
        key_set="default",
    )
    assert issuers.default() == issuers.get("default") == made
    assert made.oidc == "https://sso.example.com"


def test_before_the_first_start_there_is_none(store):
    with pytest.raises(Refused):
        Issuers(store).default()


def test_an_unknown_issuer_is_refused_without_quoting_it(store, clock):
    issuers = Issuers(store)
    ensure(store, issuers, clock, "https://sso.example.com")
    with pytest.raises(Refused) as refused:
        issuers.get("<script>")
    assert "<script>" not in refused.value.public


def test_a_start_with_the_same_address_changes_nothing(store, clock):
    for _ in range(2):
        ensure(store, Issuers(store), clock, "https://sso.example.com")
    with store.read() as connection:
        assert len(connection.execute(NOUNS).all()) == 1


def test_it_follows_a_new_address_at_once_and_the_change_is_recorded(store, clock):
    issuers = Issuers(store)
    ensure(store, issuers, clock, "http://localhost:8000")
    assert issuers.default().base_url == "http://localhost:8000"
    ensure(store, issuers, clock, "https://sso.example.com")
    assert issuers.default().base_url == "https://sso.example.com"
    assert issuers.default().entity_id == "https://sso.example.com/saml/metadata"
    with store.read() as connection:
        first, second = connection.execute(NOUNS).all()
    assert (first.noun, first.before) == ("issuer", None)
    assert second.before == first.after
    assert second.after["base_url"] == "https://sso.example.com"


def test_an_entity_id_of_ones_own_choice_stays(store, clock):
    issuers = Issuers(store)
    ensure(store, issuers, clock, "http://localhost:8000")
    with store.write() as unit:
        unit.execute(sa.update(schema.issuers).values(entity_id="urn:example:idp"))
    assert ensure(store, issuers, clock, "https://sso.example.com").entity_id == "urn:example:idp"
