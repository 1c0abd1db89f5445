"""An outbox whose messages are sealed with a key of the tests."""

from __future__ import annotations

import pytest

from idp.jobs import Outbox, Schedule
from idp.keys import MasterKey, Sealer

SEALER = Sealer(MasterKey(b"k" * 32))


@pytest.fixture
def outbox(store, clock) -> Outbox:
    return Outbox(store, SEALER, clock)


@pytest.fixture
def schedule(store, clock) -> Schedule:
    return Schedule(store, clock)
