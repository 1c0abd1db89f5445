"""Counters within windows: up, down, over, cleared; what an address is counted as."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from idp.store import Store
from idp.store.counters import clear, count_down, count_up, counts, place
from tests.clock import TestClock

HOUR = timedelta(hours=1)


def _up(store: Store, clock: TestClock, key: str = "k") -> int:
    with store.write() as unit:
        return count_up(unit, key, now=clock.now(), window=HOUR)


def _seen(store: Store, clock: TestClock) -> dict[str, int]:
    with store.read() as connection:
        return counts(connection, ["k", "other", "none"], now=clock.now())


def test_it_counts_up_within_its_window_and_begins_again_after(store: Store, clock: TestClock) -> None:
    assert [_up(store, clock), _up(store, clock), _up(store, clock, "other")] == [1, 2, 1]
    clock.advance(minutes=59)
    assert _up(store, clock) == 3
    assert _seen(store, clock) == {"k": 3, "other": 1}
    clock.advance(minutes=1)
    # The window is that of the first, whatever was counted since.
    assert _seen(store, clock) == {}
    assert _up(store, clock) == 1


def test_it_counts_down_to_nothing_and_no_further(store: Store, clock: TestClock) -> None:
    _up(store, clock)
    with store.write() as unit:
        count_down(unit, ["k", "k", "none"])
    assert _seen(store, clock) == {"k": 0}
    assert _up(store, clock) == 1
    with store.write() as unit:
        clear(unit, ["k"])
    assert _seen(store, clock) == {}


def _failing(store: Store, clock: TestClock) -> None:
    with store.write() as unit:
        count_up(unit, "k", now=clock.now(), window=HOUR)
        raise ZeroDivisionError


def test_a_unit_that_fails_counts_nothing(store: Store, clock: TestClock) -> None:
    with pytest.raises(ZeroDivisionError):
        _failing(store, clock)
    assert _seen(store, clock) == {}


def test_no_count_is_lost_in_a_crowd(store: Store, clock: TestClock) -> None:
    with ThreadPoolExecutor(8) as crowd:
        seen = list(crowd.map(lambda _: _up(store, clock), range(40)))
    assert sorted(seen) == list(range(1, 41))


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff", "2001:db8::/64"),
        ("no address", "no address"),
    ],
)
def test_whoever_has_one_address_of_a_network_has_them_all(address: str, counted: str) -> None:
    assert place(address) == counted
