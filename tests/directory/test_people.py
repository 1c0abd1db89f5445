"""People: one form of every name, several sources, the same work for unknown people."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import Busy, Refused
from idp.core.ids import fold
from idp.core.model import Person
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import NewPerson, People, login_key
from idp.store import Store
from idp.store.schema import passwords

CHEAP = Cost(memory=8, passes=1)


class Elsewhere:
    """A second source, as LDAP will be one: it knows exactly one person."""

    name = "elsewhere"

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def check_password(self, source_key: str | None, password: str) -> bool:
        self.asked.append(source_key)
        return (source_key, password) == ("guid-1", "their password")

    def attributes(self, source_key: str):
        return {"mail": ("grace@example.org",)}


@pytest.fixture
def hasher() -> PasswordHasher:
    return PasswordHasher(CHEAP)


@pytest.fixture
def local(store, hasher, clock) -> LocalSource:
    return LocalSource(store, hasher, clock)


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def people(store, clock, local, elsewhere) -> People:
    return People(store, clock, [local, elsewhere])


def add(store: Store, people: People, name: str, **more) -> Person:
    with store.write() as unit:
        return people.add(unit, NewPerson(name=name, **more))


def with_password(
    store: Store, local: LocalSource, hasher: PasswordHasher, person: Person, password: str
) -> None:
    hashed = hasher.hash(password)
    with store.write() as unit:
        local.set_password(unit, person.source_key, hashed)


def test_a_person_is_read_back_as_added(store, people):
    ada = add(
        store,
        people,
        "Ada",
        display_name="Ada Lovelace",
        attributes={"mail": ("ada@example.org",)},
        groups=("staff",),
        roles=("owner",),
    )
    with store.read() as connection:
        assert people.get(connection, ada.id) == ada
        assert people.find(connection, "Ada") == ada
    assert ada.attributes == {
        "uid": ("Ada",),
        "displayName": ("Ada Lovelace",),
        "mail": ("ada@example.org",),
        "groups": ("staff",),
    }
    assert ada.enabled
    assert ada.may_enrol
    assert ada.source_key == ada.id


def test_the_display_name_defaults_to_the_name(store, people):
    assert add(store, people, "ada").display_name == "ada"


@pytest.mark.parametrize("typed", ["ada", "ADA", "Ada ", " aDa", "ＡＤＡ", "ａｄａ\u3000"])
def test_row_72_a_name_is_the_same_in_every_case_and_width(store, people, typed):
    ada = add(store, people, "Ada")
    with store.read() as connection:
        assert people.find(connection, typed) == ada
    with pytest.raises(Refused):
        add(store, people, typed)


@pytest.mark.parametrize(
    ("stored", "typed"), [("Straße", "STRASSE"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("ﬁona", "FIONA")]
)
def test_row_72_beyond_ascii(store, people, stored, typed):
    person = add(store, people, stored)
    with store.read() as connection:
        assert people.find(connection, typed) == person


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\nb", "a\u202eb", "a\u200bb", "\ud800", "x" * 257])
def test_unusable_names_are_refused(store, people, name):
    with pytest.raises(Refused):
        add(store, people, name)


def test_a_refused_name_leaves_nothing_behind(store, people):
    add(store, people, "ada")
    with pytest.raises(Refused):
        add(store, people, "ADA")
    with store.read() as connection:
        assert [person.name for person in people.listing(connection)] == ["ada"]


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_any_typed_name_has_a_key_that_can_be_stored(name):
    key = login_key(name)
    key.encode()
    assert "\0" not in key


@given(st.text(max_size=50))
def test_the_key_ignores_case(name):
    assert login_key(name.casefold()) == login_key(fold(name))


def test_a_name_too_long_to_exist_finds_nobody(store, people):
    longest = "x" * 256
    add(store, people, longest)
    with store.read() as connection:
        assert people.find(connection, longest) is not None
        assert people.find(connection, longest + "x") is None


def test_passwords_are_checked_at_the_persons_own_source(store, people, local, hasher, elsewhere):
    ada = add(store, people, "ada")
    with_password(store, local, hasher, ada, "secret words")
    grace = add(store, people, "grace", source="elsewhere", source_key="guid-1")
    assert people.check_password(ada, "secret words")
    assert not people.check_password(ada, "their password")
    assert people.check_password(grace, "their password")
    assert not people.check_password(grace, "secret words")
    assert elsewhere.asked == ["guid-1", "guid-1"]


def test_a_new_password_replaces_the_old(store, people, local, hasher):
    ada = add(store, people, "ada")
    with_password(store, local, hasher, ada, "first")
    with_password(store, local, hasher, ada, "second")
    assert not people.check_password(ada, "first")
    assert people.check_password(ada, "second")


def test_a_person_without_a_password_has_no_password(store, people):
    ada = add(store, people, "ada")
    assert not people.check_password(ada, "")
    assert not people.check_password(ada, "anything")


def test_a_person_whose_source_is_gone_cannot_sign_in(store, clock, local, elsewhere, people):
    grace = add(store, people, "grace", source="elsewhere", source_key="guid-1")
    assert not People(store, clock, [local]).check_password(grace, "their password")


def test_an_unknown_source_is_refused(store, people):
    with pytest.raises(Refused):
        add(store, people, "ada", source="nowhere")


def test_row_63_the_same_reads_and_one_hash_for_unknown_and_wrong(store, people, local, hasher, monkeypatch):
    ada = add(store, people, "ada")
    with_password(store, local, hasher, ada, "secret words")
    without = add(store, people, "without")
    counts = {"reads": 0, "hashes": 0}
    real = PasswordHasher._matches

    def matches(self, hashed, data):
        counts["hashes"] += 1
        return real(self, hashed, data)

    def statement(*_):
        counts["reads"] += 1

    monkeypatch.setattr(PasswordHasher, "_matches", matches)
    sa.event.listen(store.engine, "before_cursor_execute", statement)
    seen = []
    for person in (None, ada, without):
        counts.update(reads=0, hashes=0)
        assert not people.check_password(person, "wrong")
        seen.append(dict(counts))
    assert seen == [{"reads": 1, "hashes": 1}] * 3


def test_a_hash_of_an_old_cost_is_renewed_by_a_right_password(store, clock, people, local):
    ada = add(store, people, "ada")
    with_password(store, local, PasswordHasher(Cost(memory=16, passes=2)), ada, "secret words")
    before = _hash_of(store, ada)
    assert not people.check_password(ada, "wrong")
    assert _hash_of(store, ada) == before
    assert people.check_password(ada, "secret words")
    assert "m=8,t=1" in _hash_of(store, ada)
    assert people.check_password(ada, "secret words")


def test_a_right_password_is_right_even_when_there_is_no_time_to_renew_its_hash(
    store, people, local, monkeypatch
):
    """Else a locked person's page would say "busy" to the right guess, and to no other."""
    ada = add(store, people, "ada")
    with_password(store, local, PasswordHasher(Cost(memory=16, passes=2)), ada, "secret words")
    before = _hash_of(store, ada)

    def busy(*_):
        raise Busy("Too many people are signing in just now.")

    monkeypatch.setattr(PasswordHasher, "hash", busy)
    assert people.check_password(ada, "secret words")
    assert _hash_of(store, ada) == before


def test_disabling_and_enabling(store, people):
    ada = add(store, people, "ada")
    for enabled in (False, True):
        with store.write() as unit:
            people.set_enabled(unit, ada.id, enabled=enabled)
        with store.read() as connection:
            assert people.get(connection, ada.id).enabled is enabled


def test_listing_pages_by_name(store, people):
    for name in ("cleo", "Ada", "Édouard", "bob", "dan"):
        add(store, people, name)
    with store.read() as connection:
        first = people.listing(connection, limit=3)
        rest = people.listing(connection, after=first[-1].name, limit=3)
        assert people.listing(connection, after=rest[-1].name) == ()
    assert [person.name for person in first] == ["Ada", "bob", "cleo"]
    assert {person.name for person in rest} == {"dan", "Édouard"}


def test_names_are_told_by_id_of_those_who_are_there(store, people):
    ada = add(store, people, "Ada")
    with store.read() as connection:
        assert people.names(connection, {ada.id, "i-nobody"}) == {ada.id: "Ada"}
        assert people.names(connection, ()) == {}


def test_the_local_source_knows_the_records_attributes(store, people, local):
    ada = add(store, people, "ada", attributes={"mail": ("ada@example.org",)})
    assert local.attributes(ada.source_key) == {"mail": ("ada@example.org",)}
    assert local.attributes("nobody") == {}


def _hash_of(store: Store, person: Person) -> str:
    with store.read() as connection:
        return connection.execute(
            sa.select(passwords.c.hash).where(passwords.c.person == person.id)
        ).scalar_one()
