"""Two people with passwords, and a sign-in of nobody yet."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp.core.model import Network, Person, SignIn, SignInRequest
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import NewPerson, People
from idp.keys import MasterKey, Sealer
from idp.methods import Methods

PASSWORD = "correct horse"


@pytest.fixture
def hasher() -> PasswordHasher:
    return PasswordHasher(Cost(memory=8, passes=1))


@pytest.fixture
def local(store, hasher, clock) -> LocalSource:
    return LocalSource(store, hasher, clock)


@pytest.fixture
def people(store, clock, local) -> People:
    return People(store, clock, [local])


@pytest.fixture
def ada(store, people, local, hasher) -> Person:
    return _person(store, people, local, hasher, "Ada")


@pytest.fixture
def grace(store, people, local, hasher) -> Person:
    return _person(store, people, local, hasher, "Grace")


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(MasterKey(b"k" * 32))


@pytest.fixture
def methods(store, sealer, clock) -> Methods:
    return Methods(store, sealer, clock)


@pytest.fixture
def sign_in(clock) -> SignIn:
    request = SignInRequest(door="saml", issuer="main", partner="p", reply_to="https://sp.example/acs")
    return SignIn(
        id="i1",
        request=request,
        browser="b",
        network=Network(address="192.0.2.1"),
        started_at=clock.now(),
        expires_at=clock.now() + timedelta(minutes=15),
    )


def _person(store, people, local, hasher, name: str) -> Person:
    hashed = hasher.hash(PASSWORD)
    with store.write() as unit:
        person = people.add(unit, NewPerson(name=name))
        local.set_password(unit, person.source_key, hashed)
    return person
