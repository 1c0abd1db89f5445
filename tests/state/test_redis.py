"""The Redis backend: the port's rules, and what is its own affair."""

from __future__ import annotations

import secrets
from functools import partial

import pytest

from idp.state.redis import open_redis
from tests import backends
from tests.state.conformance import StateConformance


def opened(url: str, clock):
    """Open a state; at module level, so that other processes can."""
    return open_redis(url, clock)


@pytest.fixture
def url() -> str:
    return backends.redis().url(secrets.token_hex(8))


@pytest.fixture
def state(url, clock):
    return open_redis(url, clock)


class TestRedisState(StateConformance):
    @pytest.fixture
    def opener(self, url):
        return partial(opened, url)
