"""What every state backend must do; a backend's tests subclass StateConformance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from idp.core.clock import SystemClock
from idp.core.ports import Clock, State
from tests.clock import TestClock
from tests.processes import Notes, race

Opener = Callable[[Clock], State]  # picklable: processes open the same state with it

MINUTE = timedelta(minutes=1)


class StateConformance:
    """The rules of the State port. A subclass has a fixture `opener`."""

    @pytest.fixture
    def state(self, opener: Opener, clock: TestClock) -> State:
        return opener(clock)

    @pytest.fixture
    def notes(self, tmp_path) -> Notes:
        return Notes(tmp_path / "notes")

    # One caller ---------------------------------------------------------------------------
    def test_what_was_put_is_got_and_popped_once(self, state):
        assert state.put("k", "välue\n\x00", MINUTE) is True
        assert state.get("k").value == "välue\n\x00"
        assert state.pop("k") == "välue\n\x00"
        assert state.pop("k") is None
        assert state.get("k") is None

    def test_keys_are_exact(self, state):
        state.put("Key", "1", MINUTE)
        assert state.get("key") is None
        assert state.get("Key ") is None
        assert state.pop("KEY") is None

    def test_put_replaces_value_version_and_lifetime(self, state, clock):
        state.put("k", "one", MINUTE)
        first = state.get("k")
        clock.advance(seconds=50)
        state.put("k", "two", MINUTE)
        clock.advance(seconds=50)
        assert state.get("k").value == "two"
        assert state.get("k").version != first.version

    def test_absent_only_put_keeps_what_lives(self, state):
        assert state.put("k", "one", MINUTE, absent=True) is True
        assert state.put("k", "two", MINUTE, absent=True) is False
        assert state.get("k").value == "one"

    def test_absent_only_put_replaces_what_expired(self, state, clock):
        state.put("k", "one", MINUTE, absent=True)
        clock.advance(minutes=1)
        assert state.put("k", "two", MINUTE, absent=True) is True
        assert state.get("k").value == "two"

    def test_expired_is_gone_at_its_very_moment(self, state, clock):
        for key in ("get", "pop", "cas", "incr"):
            state.put(key, "5", MINUTE)
        version = state.get("cas").version
        clock.advance(seconds=59.999999)
        assert state.get("get").value == "5"
        clock.advance(seconds=0.000001)
        assert state.get("get") is None
        assert state.pop("pop") is None
        assert state.cas("cas", version, "new") is False
        assert state.incr("incr", MINUTE) == 1

    def test_cas_needs_the_version_that_was_read(self, state):
        state.put("k", "one", MINUTE)
        version = state.get("k").version
        assert state.cas("k", version, "two") is True
        assert state.cas("k", version, "three") is False
        assert state.get("k").value == "two"
        assert state.cas("k", state.get("k").version, "four") is True
        assert state.cas("nothing", version, "x") is False

    def test_cas_is_not_fooled_by_a_value_that_went_and_came_back(self, state):
        state.put("k", "one", MINUTE)
        version = state.get("k").version
        state.pop("k")
        state.put("k", "one", MINUTE)
        assert state.cas("k", version, "two") is False

    def test_cas_does_not_restart_the_lifetime(self, state, clock):
        state.put("k", "one", MINUTE)
        clock.advance(seconds=40)
        assert state.cas("k", state.get("k").version, "two") is True
        clock.advance(seconds=19)
        assert state.get("k").value == "two"
        clock.advance(seconds=1)
        assert state.get("k") is None

    def test_incr_counts_and_does_not_restart_the_lifetime(self, state, clock):
        assert [state.incr("k", MINUTE) for _ in range(3)] == [1, 2, 3]
        clock.advance(seconds=59)
        assert state.incr("k", MINUTE) == 4
        assert state.get("k").value == "4"
        clock.advance(seconds=1)
        assert state.get("k") is None
        assert state.incr("k", MINUTE) == 1
        clock.advance(seconds=59)
        assert state.incr("k", MINUTE) == 2

    # Several processes ----------------------------------------------------------------------
    def test_each_value_is_popped_by_exactly_one_process_though_one_is_killed(self, opener, notes):
        keys = [f"code-{number}" for number in range(1000)]
        state = opener(SystemClock())
        for key in keys:
            state.put(key, f"value of {key}", MINUTE)
        race(pop_all, opener, keys, notes=notes, kill_after=20)
        popped = [line.split()[1] for line in notes.lines()]
        assert len(popped) == len(set(popped)), "a value was given out twice"
        # The one that was killed may have popped one more, and not lived to say so.
        assert len(keys) - len(popped) in (0, 1)
        assert all(state.get(key) is None for key in keys)

    def test_counters_are_exact_though_a_process_is_killed(self, opener, notes):
        race(count_up, opener, 500, notes=notes, kill_after=20)
        counts = [int(line.split()[1]) for line in notes.lines()]
        final = int(opener(SystemClock()).get("counter").value)
        assert len(counts) == len(set(counts)), "two callers got the same count"
        assert max(counts) <= final
        assert final - len(counts) in (0, 1)

    def test_of_racing_writers_one_wins_each_version(self, opener, notes):
        state = opener(SystemClock())
        state.put("k", "0", MINUTE)
        race(swap_up, opener, 100, notes=notes)
        lines = [line.split() for line in notes.lines()]
        won = [line[1] for line in lines if line[0] != "lost"]
        assert len(won) == len(set(won)), "two writers replaced the same version"
        assert int(state.get("k").value) == len(won) == 400

    def test_an_absent_only_put_has_one_winner(self, opener, notes):
        race(claim_all, opener, 200, notes=notes)
        claims = sorted(line.split(maxsplit=1) for line in notes.lines())
        by_key = {key: [who for who, claimed in claims if claimed == key] for _, key in claims}
        assert len(by_key) == 200
        assert all(len(winners) == 1 for winners in by_key.values())
        state = opener(SystemClock())
        assert all(state.get(key).value == winners[0] for key, winners in by_key.items())


def pop_all(number: int, notes: Notes, opener: Opener, keys: list[str]) -> None:
    state = opener(SystemClock())
    # Each begins elsewhere, and they meet in the middle of each other's part.
    start = number * len(keys) // 4
    for key in keys[start:] + keys[:start]:
        if (value := state.pop(key)) is not None:
            assert value == f"value of {key}"
            notes.write(f"{number} {key}")


def count_up(number: int, notes: Notes, opener: Opener, times: int) -> None:
    state = opener(SystemClock())
    for _ in range(times):
        notes.write(f"{number} {state.incr('counter', MINUTE)}")


def swap_up(number: int, notes: Notes, opener: Opener, times: int) -> None:
    state = opener(SystemClock())
    won = 0
    while won < times:
        held = state.get("k")
        assert held is not None
        if state.cas("k", held.version, str(int(held.value) + 1)):
            notes.write(f"{number} {held.version}")
            won += 1


def claim_all(number: int, notes: Notes, opener: Opener, count: int) -> None:
    state = opener(SystemClock())
    for key in (f"claim-{item}" for item in range(count)):
        if state.put(key, str(number), MINUTE, absent=True):
            notes.write(f"{number} {key}")
