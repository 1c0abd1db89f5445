"""What the hostile side knows of an installation: fresh things, kept for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.saml.sp import Sp

# Sign-ins that wait at a page of their own, and those that wait no more.
OPEN = ("password", "code", "enrol", "account", "consent", "denied")
OVER = ("finished", "expired")
# What can be used up, or ends at a right answer, is fetched more often.
_USES = {"arrival": 2, "question": 3, "codes": 3, "logout": 8, "draft": 3, **dict.fromkeys(OPEN, 3)}
_MANY = 25


class Knowledge:
    """Cookies, tokens, ids and keys by kind; each kind is fetched anew after some uses."""

    def __init__(self, mint: Callable[[str], Mapping[str, Any]], senders: Mapping[str, Sp]) -> None:
        self._mint = mint
        self._held: dict[str, tuple[Mapping[str, Any], int]] = {}
        self.senders = senders

    def __call__(self, kind: str) -> Mapping[str, Any]:
        """Return things of the kind, and use them once."""
        held, left = self._held.get(kind, ({}, 0))
        if left == 0:
            if kind == "expired":
                self._held.clear()  # time had to pass for it
            held, left = self._mint(kind), _USES.get(kind, _MANY)
        self._held[kind] = held, left - 1
        return held
