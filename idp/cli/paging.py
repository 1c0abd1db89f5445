"""Lists of any length: read in pages by key, never all at once from the database."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
MOST_SHOWN = 500
"""How much of a list is printed for people who did not say."""
_PAGE = 500


def most_shown(limit: int | None, *, json_: bool) -> int:
    """Return how much of a list is meant: a program reads all of it, unless it says."""
    return limit or (sys.maxsize if json_ else MOST_SHOWN)


def paged(page: Callable[[T | None, int], Sequence[T]], last: T | None, *, most: int) -> tuple[list[T], bool]:
    """Return what comes after the last, and whether there is more than that.

    page returns so many of those that come after one of them.
    """
    found: list[T] = []
    while len(found) <= most:
        size = min(_PAGE, most + 1 - len(found))
        some = page(found[-1] if found else last, size)
        found.extend(some)
        if len(some) < size:
            break
    return found[:most], len(found) > most
