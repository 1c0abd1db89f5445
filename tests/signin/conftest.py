"""A whole hallway for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.store import Store
from tests.clock import TestClock
from tests.hallway import Browser, House, build_house


@pytest.fixture
def house(store: Store, tmp_path: Path, clock: TestClock) -> House:
    return build_house(store, tmp_path, clock)


@pytest.fixture
def browser() -> Browser:
    return Browser()
