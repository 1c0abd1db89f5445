"""Tell pages that wait when to ask again, so that all of them together ask only so often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Hands out moments one after another, at most `rate` of them a second, in this process.

    A few pages ask as often as they like; a thousand wait a little longer each, and cost no more. Nobody
    waits longer than `latest` seconds, however many there are: a flood must not keep people waiting.
    """

    def __init__(
        self, rate: float, *, latest: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._apart = 1 / rate
        self._latest = latest
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0.0

    def wait(self, *, soonest: float) -> float:
        """Return in how many seconds to ask again: soonest, or when there is room after that."""
        now = self._clock()
        with self._lock:
            self._last = min(max(now + soonest, self._last + self._apart), now + self._latest)
            return self._last - now
