"""Find people, add them, and check their passwords at the source they come from."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from idp.core.errors import Refused
from idp.core.ids import fold, new_id
from idp.core.model import Person, Role
from idp.core.ports import Clock, Source
from idp.store import Store, Unit
from idp.store.columns import UNSTORABLE
from idp.store.prepared import Prepared
from idp.store.schema import devices, login_names, people

LONGEST_NAME = 256
_UNKNOWN = "\ufffd"

_BY_ID = Prepared(sa.select(people).where(people.c.id == sa.bindparam("id")))
_BY_NAME = (
    sa.select(people)
    .join(login_names, login_names.c.person == people.c.id)
    .where(login_names.c.folded == sa.bindparam("folded"))
)
_NAMES = sa.select(login_names.c.folded).where(login_names.c.person == sa.bindparam("id"))
_PAGE = (
    sa.select(people)
    .join(login_names, login_names.c.person == people.c.id)
    .where(login_names.c.folded > sa.bindparam("after"))
    .order_by(login_names.c.folded)
    .limit(sa.bindparam("limit"))
)
_CALLED = sa.select(people.c.id, people.c.name).where(people.c.id.in_(sa.bindparam("ids", expanding=True)))
_WITH_ROLE = (
    sa.select(people.c.id).where(sa.cast(people.c.roles, sa.Text).contains(sa.bindparam("quoted"))).limit(1)
)
_FORGET_PROOFS = (
    sa.update(people)
    .where(people.c.id == sa.bindparam("person"))
    .values(proofs_from=sa.bindparam("now", type_=people.c.proofs_from.type))
)
_FORGET_BROWSERS = (
    sa.update(devices)
    .where(devices.c.person == sa.bindparam("whose"))
    .values(remembered=sa.bindparam("nothing", type_=sa.JSON))
)
_METHODS_SEEN = (
    sa.update(people)
    .where(people.c.id == sa.bindparam("person"))
    .values(methods_seen_at=sa.bindparam("now", type_=people.c.methods_seen_at.type))
)
_SET_ENABLED = (
    sa.update(people).where(people.c.id == sa.bindparam("person")).values(enabled=sa.bindparam("to"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """A person to be added; source_key "" means the person's own new id (local people)."""

    name: str
    display_name: str = ""
    source: str = "local"
    source_key: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChanges:
    """What to change of a person: None and "" leave it, an attribute without values goes."""

    display_name: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None


class People:
    """Everybody the service knows, from every source.

    The first source does the work of checking when the person is unknown.
    """

    def __init__(self, store: Store, clock: Clock, sources: Iterable[Source]) -> None:
        self._store = store
        self._clock = clock
        self._sources = {source.name: source for source in sources}
        self._first = next(iter(self._sources.values()))

    def get(self, connection: sa.Connection, person_id: str) -> Person | None:
        """Return the person with this id."""
        row = _BY_ID.first(connection, {"id": person_id})
        return _person(row) if row else None

    def find(self, connection: sa.Connection, login_name: str) -> Person | None:
        """Return the person who signs in with this name, in whatever case it was typed."""
        row = connection.execute(_BY_NAME, {"folded": login_key(login_name)}).mappings().first()
        return _person(row) if row else None

    def login_keys(self, connection: sa.Connection, person_id: str) -> tuple[str, ...]:
        """Return every name the person signs in with, folded."""
        return tuple(connection.execute(_NAMES, {"id": person_id}).scalars())

    def listing(self, connection: sa.Connection, *, after: str = "", limit: int = 200) -> tuple[Person, ...]:
        """Return people by user name, those after the given one."""
        rows = connection.execute(_PAGE, {"after": login_key(after), "limit": limit}).mappings()
        return tuple(_person(row) for row in rows)

    def names(self, connection: sa.Connection, ids: Collection[str]) -> Mapping[str, str]:
        """Return the user names of those of these people that are there, by id."""
        rows = connection.execute(_CALLED, {"ids": list(ids)}) if ids else ()
        return {row.id: row.name for row in rows}

    def check_password(self, person: Person | None, password: str) -> bool:
        """Ask the person's source; without one the same work is done and the answer is no. Raises Busy."""
        source = self._sources.get(person.source) if person else None
        if person is None or source is None:
            return self._first.check_password(None, password)
        return source.check_password(person.source_key, password)

    def add(self, unit: Unit, new: NewPerson) -> Person:
        """Store a new person. Raises Refused when the name is taken or unusable."""
        name = _usable(new.name)
        if new.source not in self._sources:
            raise Refused("There is no such source of people.")
        person_id = new_id()
        row = {
            "id": person_id,
            "source": new.source,
            "source_key": new.source_key or person_id,
            "name": name,
            "display_name": new.display_name.strip() or name,
            "attributes": {key: list(values) for key, values in new.attributes.items()},
            "groups": list(new.groups),
            "roles": list(new.roles),
            "enabled": True,
            "may_enrol": True,
            "recovery_due": False,
            "proofs_from": None,
            "blocked_until": None,
            "preferred": "",
            "methods_seen_at": None,
            "created_at": self._clock.now(),
        }
        try:
            unit.execute(sa.insert(login_names), {"folded": login_key(name), "person": person_id})
            unit.execute(sa.insert(people), row)
        except IntegrityError as error:
            raise Refused("There is already a person with that name.") from error
        return _person(row)

    def change(self, unit: Unit, person: Person, changes: PersonChanges) -> Person:
        """Change what is given of a person; return the person as they are then."""
        own = {"uid", "displayName", "groups"}
        kept = {name: values for name, values in person.attributes.items() if name not in own}
        merged = {**kept, **changes.attributes}
        values = {
            "display_name": changes.display_name or person.display_name,
            "attributes": {name: list(given) for name, given in merged.items() if given},
            "groups": list(person.groups if changes.groups is None else changes.groups),
            "roles": list(person.roles if changes.roles is None else changes.roles),
        }
        unit.execute(sa.update(people).where(people.c.id == person.id).values(values))
        row = _BY_ID.first(unit.connection, {"id": person.id})
        return person if row is None else _person(row)

    def forget_proofs(self, unit: Unit, person_id: str) -> None:
        """Have nothing count any more that the person proved until now, nor a browser stand in for it."""
        unit.execute(_FORGET_PROOFS, {"person": person_id, "now": self._clock.now()})
        self.forget_browsers(unit, person_id)

    def forget_browsers(self, unit: Unit, person_id: str) -> None:
        """Have no browser stand in for what the person proved on it."""
        unit.execute(_FORGET_BROWSERS, {"whose": person_id, "nothing": []})

    def prefer(self, unit: Unit, person_id: str, method: str) -> None:
        """Note which method ("factor:id") the person is to be asked for first, "" for none."""
        unit.execute(sa.update(people).where(people.c.id == person_id).values(preferred=method))

    def methods_seen(self, unit: Unit, person_id: str) -> None:
        """Note that the person's methods are right as they are now."""
        unit.execute(_METHODS_SEEN, {"person": person_id, "now": self._clock.now()})

    def set_enabled(self, unit: Unit, person_id: str, *, enabled: bool) -> None:
        """Let the person sign in, or no longer."""
        unit.execute(_SET_ENABLED, {"person": person_id, "to": enabled})


def has_role(connection: sa.Connection, role: Role) -> bool:
    """Say whether anybody has this role."""
    return connection.execute(_WITH_ROLE, {"quoted": f'"{role.value}"'}).first() is not None


def login_key(name: str) -> str:
    """Return the form in which a typed user name is looked up and its attempts are counted.

    Total on hostile input: what no database stores (NUL, lone surrogates) and what is longer
    than any name becomes U+FFFD, which no name that can be added contains.
    """
    if len(name) > LONGEST_NAME:
        return _UNKNOWN
    return fold(UNSTORABLE.sub(_UNKNOWN, name))


def _usable(name: str) -> str:
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > LONGEST_NAME or not login_key(name):
        raise Refused("A user name has 1 to 256 characters.")
    if _UNKNOWN in name or any(unicodedata.category(letter).startswith("C") for letter in name):
        raise Refused("A user name has no control characters or invisible characters.")
    return name


def _person(row: Mapping[Any, Any]) -> Person:
    own = {"uid": (row["name"],), "displayName": (row["display_name"],)}
    if row["groups"]:
        own["groups"] = tuple(row["groups"])
    kept = {name: tuple(values) for name, values in row["attributes"].items()}
    return Person(
        id=row["id"],
        source=row["source"],
        source_key=row["source_key"],
        name=row["name"],
        display_name=row["display_name"],
        attributes=kept | own,
        groups=tuple(row["groups"]),
        roles=tuple(row["roles"]),
        enabled=row["enabled"],
        may_enrol=row["may_enrol"],
        recovery_due=row["recovery_due"],
        proofs_from=row["proofs_from"],
        blocked_until=row["blocked_until"],
        preferred=row["preferred"],
        methods_seen_at=row["methods_seen_at"],
    )
