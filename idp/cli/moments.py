"""Read times as people write them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from idp.core.errors import Refused

_SPAN = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def moment_meant(option: str, text: str, *, ahead: bool = False) -> datetime:
    """Return the time meant; without a zone it is UTC. 30m, 2h or 7d is ago, or ahead.

    Raises Refused.
    """
    now = datetime.now(UTC)
    span = _SPAN.fullmatch(text)
    try:
        if span:
            length = timedelta(**{_UNITS[span[2]]: int(span[1])})
            return now + length if ahead else now - length
        given = datetime.fromisoformat(text)
        return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(f"{option} takes a date or time like 2026-03-01T12:00, or 30m, 2h, 7d.") from error
