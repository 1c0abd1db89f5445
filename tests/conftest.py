"""What every test shares: how hypothesis searches."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW_MACHINES_ARE_FINE = [HealthCheck.too_slow]
# The same examples every time, so that a run says something about the change and not about luck.
settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW_MACHINES_ARE_FINE
)
# `make check`: many and new examples.
settings.register_profile(
    "long", max_examples=2000, deadline=None, suppress_health_check=_SLOW_MACHINES_ARE_FINE
)
settings.load_profile("long" if os.environ.get("COUNTERSIGN_LONG") else "steady")
