"""Pages that wait: a few as often as they like, a thousand no more in all, and nobody for ever."""

from __future__ import annotations

import heapq
import re

from idp.app import hallway
from idp.paths import STATIC
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


def test_a_thousand_pages_that_wait_ask_no_more_often_than_a_worker_can_spare() -> None:
    """What a look costs is measured by bench/waiting.py; this is how many there are of them."""
    now = [1000.0]
    pace = Pace(hallway._LOOKS, latest=hallway._RESTS, clock=lambda: now[0])
    pages = [1000.0 + number / 1000 for number in range(1000)]
    waits, looks = [], 0
    while now[0] < 1100:
        now[0] = heapq.heappop(pages)
        waits.append(pace.wait(soonest=1))
        heapq.heappush(pages, now[0] + waits[-1])
        looks += now[0] > 1040
    assert looks / 60 < hallway._LOOKS + 1
    assert max(waits) <= hallway._RESTS
    script = re.search(
        r"again = Math\.min\(said\.again \?\? again, (\d+)\)", (STATIC / "js/waiting.js").read_text()
    )
    assert script is not None
    assert float(script[1]) >= hallway._RESTS, "or pages would ask more often than they are told to"
