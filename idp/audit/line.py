"""The JSON line that is written for each event, for whoever collects logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO

Sink = Callable[[str], None]  # takes one line without its end


def to_stream(stream: TextIO) -> Sink:
    """Return a sink that writes lines to a stream and flushes each."""

    def write(line: str) -> None:
        # The row is durable already: a full disk under the log must not turn a finished
        # sign-in into an error.
        with suppress(OSError):
            stream.write(line + "\n")
            stream.flush()

    return write


def as_line(fields: Mapping[str, Any]) -> str:
    """Return fields as one line of ASCII: no input can begin a line of its own."""
    return json.dumps(fields, separators=(",", ":"))
