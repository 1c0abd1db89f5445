"""A whole hallway for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.core.model import Person
from idp.store import Store
from tests.clock import TestClock
from tests.hallway import Browser, House, build_house
from tests.passkeys import SoftKey
from tests.signin.keying import give


@pytest.fixture
def house(store: Store, tmp_path: Path, clock: TestClock) -> House:
    return build_house(store, tmp_path, clock)


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def phoned(house: House) -> Person:
    """A person whose only method is a phone, and a carrier for texts."""
    house.carrier()
    person = house.person(totp=False)
    house.give_phone(person)
    house.clock.advance(seconds=1)
    return person


@pytest.fixture
def newcomer(house: House) -> Person:
    """A person who never registered anything, and a carrier for texts."""
    house.carrier()
    return house.person(totp=False)


@pytest.fixture
def ada(house: House) -> Person:
    return house.person()


@pytest.fixture
def key(house: House, ada: Person) -> SoftKey:
    """Give Ada's passkey, set up by an administrator's leave."""
    return give(house, ada)
