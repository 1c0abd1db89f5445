"""Pages that wait: a few as often as they like, a thousand no more in all, and nobody for ever."""

from __future__ import annotations

from idp.web.pacing import Pace


def test_a_few_ask_as_often_as_they_like_and_many_no_more_in_all() -> None:
    now = [1000.0]
    pace = Pace(100, clock=lambda: now[0])
    assert pace.wait(soonest=1) == 1
    asked = [pace.wait(soonest=1) for _ in range(500)]
    assert 5.9 < asked[-1] < 6.1, "a hundred a second"
    assert len({round(wait, 6) for wait in asked}) == 500, "one after another, not all at once"
    now[0] += 60
    assert pace.wait(soonest=1) == 1


def test_a_flood_keeps_nobody_waiting() -> None:
    now = [1000.0]
    pace = Pace(100, latest=10, clock=lambda: now[0])
    for _ in range(60_000):
        now[0] += 0.001
        pace.wait(soonest=1)
    assert pace.wait(soonest=1) <= 10
    now[0] += 10
    assert pace.wait(soonest=1) == 1
