"""Start processes that race for the same thing, and kill one of them in the middle."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Spawned, not forked: each is a fresh process, as the workers of a server are.
_CONTEXT = multiprocessing.get_context("spawn")
_DEADLINE = 60.0


class Notes:
    """A file to which processes add lines; a line is there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, line: str) -> None:
        """Add a line; it stays even if the process is killed right after."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)

    def lines(self) -> list[str]:
        """Return all lines so far."""
        return self.path.read_text().splitlines() if self.path.exists() else []


def race(
    target: Callable[..., None], *arguments: Any, notes: Notes, count: int = 4, kill_after: int = 0
) -> None:
    """Run target(number, notes, *arguments) in several processes at once and wait for them all.

    With kill_after, process 0 is killed (SIGKILL) once it has written so many lines, each of
    which begins with the number of its process. Every other process must end well.
    """
    start = _CONTEXT.Barrier(count)
    processes = [
        _CONTEXT.Process(
            target=_run,
            args=(start, bool(kill_after) and number == 0, target, number, notes, *arguments),
            daemon=True,
        )
        for number in range(count)
    ]
    for process in processes:
        process.start()
    if kill_after:
        _wait_for(lambda: sum(line.startswith("0 ") for line in notes.lines()) >= kill_after)
        processes[0].kill()
    for process in processes:
        process.join(_DEADLINE)
    codes = [process.exitcode for process in processes]
    assert codes == [-signal.SIGKILL if kill_after else 0, *[0] * (count - 1)]


def _run(start: Any, doomed: bool, target: Callable[..., None], *arguments: Any) -> None:
    start.wait(_DEADLINE)
    target(*arguments)
    if doomed:  # it was faster than the one who kills it
        signal.pause()


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the processes did not get anywhere"
        time.sleep(0.001)
