"""What is said on the phone, and what is waited for: the same for every way to make a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Until(StrEnum):
    """When what was pressed is complete."""

    KEY = "key"  # one key, whichever it is
    HASH = "hash"  # digits, ended by #


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One turn of a call: sentences in a language (BCP 47), and what is then waited for.

    until None: nothing, and the call ends.
    """

    language: str
    sentences: tuple[str, ...] = field(repr=False)
    until: Until | None = None


class Ended(StrEnum):
    """How a call ended, or never began."""

    BUSY = "busy"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"
    HUNG_UP = "hung-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a carrier says of a call: keys that were pressed ("" for silence), a machine, or its end."""

    keys: str = field(default="", repr=False)
    machine: bool = False
    ended: Ended | None = None
