"""Keep what a partner wants at the end of a sign-out until the person has agreed to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from idp.core import codec
from idp.core.ids import new_id
from idp.core.ports import State

_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    door: str
    finish: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutQuestions:
    """Open questions by a one-time id, so that nothing of them travels through the page."""

    state: State

    def keep(self, door: str, finish: Mapping[str, str]) -> str:
        """Keep what the door wants at the end; return the question's id."""
        question = new_id()
        self.state.put("ask-signout:" + question, codec.dump(_Wanted(door=door, finish=finish)), _LASTS)
        return question

    def take(self, question: str) -> tuple[str, Mapping[str, str]]:
        """Return (door, finish) once; ("", {}) for our own page when there is no question."""
        text = self.state.pop("ask-signout:" + question[:64]) if question else None
        if text is None:
            return "", {}
        wanted = codec.load(_Wanted, text)
        return wanted.door, wanted.finish
