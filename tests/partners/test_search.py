"""Partners are found by any part of their names and identifiers, and by nothing they no longer have."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.core.ids import fold
from idp.core.model import Actor, Partner
from idp.partners.registry import Partners
from idp.store import open_store, revisioned, schema

pytestmark = pytest.mark.backends
ACTOR = Actor(kind="cli", id="test")
WIKI = Partner(id="p1", door="oidc", identifier="https://wiki.example", name="Wiki", issuer="default")
# Few letters, so that parts meet; those that fold to others, or mean something to a database, are among them.
_TEXTS = st.text(st.sampled_from("aabbAB %_/\\'\"\nßİéE\u0301ſ木😀\U0010ffff\ue000"), min_size=1, max_size=9)
_ON_ONE_STORE = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def partners(store):
    return Partners(store)


def save(store, clock, *partners: Partner) -> None:
    with store.write() as unit:
        for partner in partners:
            Partners.save(unit, partner, actor=ACTOR, at=clock.now())


def found(partners: Partners, part: str) -> list[str]:
    return [one.id for one in partners.search(part, limit=100, without="local")]


@_ON_ONE_STORE
@given(named=st.lists(st.tuples(_TEXTS, _TEXTS), min_size=1, max_size=8), parts=st.lists(_TEXTS, max_size=8))
def test_exactly_those_are_found_that_have_the_part(store, clock, partners, named, parts):
    made = [
        replace(WIKI, id=f"p{at}", identifier=f"{at}{identifier}", name=name)
        for at, (name, identifier) in enumerate(named)
    ]
    with store.write() as unit:
        unit.execute(sa.delete(schema.partners))
    save(store, clock, *made)
    sought = {one.id: f"{fold(one.name)}\n{fold(one.identifier)}" for one in made}
    own = [text[at : at + size] for text in sought.values() for at, size in ((0, 2), (1, 5), (2, 12))]
    for part in (*parts, *own):
        expected = [one for one in sorted(sought, key=sought.__getitem__) if fold(part) in sought[one]]
        assert found(partners, part) == expected, part
        # Page by page it is the same.
        pages, after = [], None
        while page := partners.search(part, after=after, limit=2):
            pages += [one.id for one in page]
            after = page[-1]
        assert pages == expected


@pytest.mark.parametrize("part", ["", "\n", "wiki"])
def test_among_nobody_nobody_is_found(partners, part):
    assert found(partners, part) == []


def test_a_search_is_folded_literal_and_by_name(store, clock, partners):
    names = ["beta 100%", "Alpha_1", "ALPHA/2", "Straße", 'it\'s "x"', "日本", "a\\b"]
    apps = (replace(WIKI, id=f"p{at}", identifier=f"app{at}", name=name) for at, name in enumerate(names))
    save(store, clock, *apps, replace(WIKI, id="own", door="local", name="Alpha"))
    for part, expected in (
        ("ALPHA", ["p2", "p1"]),
        ("strasse", ["p3"]),
        ("%", ["p0"]),
        ("_", ["p1"]),
        ("\\", ["p6"]),
        ("'s \"x", ["p4"]),
        ("本", ["p5"]),
        ("APP3", ["p3"]),
        ("p4", ["p4"]),
        ("alpha app", []),
        ("app_", []),
        ("\0", []),
        ("\ud800", []),
        ("x" * 100_000, []),
    ):
        assert found(partners, part) == expected, part


def test_a_partner_is_found_by_what_it_is_called_now(store, clock, partners):
    save(store, clock, WIKI, replace(WIKI, id="p2", identifier="other", name="Other wiki"))
    assert found(partners, "wiki") == ["p2", "p1"]
    save(store, clock, replace(WIKI, name="Knowledge", identifier="k"))
    assert [found(partners, part) for part in ("wiki", "KNOW")] == [["p2"], ["p1"]]
    with store.write() as unit:
        Partners.remove(unit, WIKI, actor=ACTOR, at=clock.now())
    assert found(partners, "know") == []


def test_what_another_process_changed_is_never_found_by_its_old_name(
    store, database, clock, partners, monkeypatch
):
    save(store, clock, WIKI, replace(WIKI, id="p2", identifier="other", name="Other wiki"))
    assert found(partners, "wiki") == ["p2", "p1"]
    other = open_store(database)
    save(other, clock, replace(WIKI, name="Knowledge", identifier="k"))
    assert found(partners, "wiki") == ["p2"], "at once"
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 0.0)
    assert found(partners, "know") == ["p1"], "when it looks for changes again"
    other.dispose()


def test_a_page_goes_on_behind_a_partner_that_is_gone(store, clock, partners):
    apps = [replace(WIKI, id=f"p{at}", identifier=f"app{at}", name=f"App {at}") for at in range(4)]
    save(store, clock, *apps)
    with store.write() as unit:
        Partners.remove(unit, apps[1], actor=ACTOR, at=clock.now())
    assert [one.id for one in partners.search("app", after=apps[1], limit=9)] == ["p2", "p3"]
