"""Remarks about metadata: sentences that can be translated, with what they are about put in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self


class Remark(str):
    """An English sentence that remembers its pattern (a message id for gettext) and its values."""

    __slots__ = ("text", "values")
    text: str
    values: Mapping[str, str]

    def __new__(cls, text: str, **values: str) -> Self:
        """Return the sentence; text has %(name)s where a value goes."""
        made = super().__new__(cls, text % values if values else text)
        made.text, made.values = text, values
        return made
