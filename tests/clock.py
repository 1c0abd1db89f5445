"""A clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class TestClock:
    """Stands still at noon of 1 March 2026 until it is advanced."""

    __test__ = False

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self._now

    def advance(self, **by: float) -> None:
        """Move on; takes timedelta's keywords."""
        self._now += timedelta(**by)
