"""Start processes that race for the same thing, and kill one of them in the middle."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# From a server that imported much and opened nothing: fresh processes, as the workers of a
# server are, without a second of imports each.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "hypothesis",
        "idp.state",
        "idp.jobs",
        "idp.store.upgrade",
        "tests.desk.conftest",
        "tests.oidc.house",
    ]
)
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
    which begins with the number of its process; the others start at its first line, so that a
    busy machine does not leave it without work. Every other process must end well.
    """
    ready, go = _CONTEXT.Barrier(count + 1), _CONTEXT.Event()
    processes = [
        _CONTEXT.Process(
            target=_doomed if kill_after and number == 0 else _run,
            args=(ready, go, target, number, notes, *arguments),
            daemon=True,
        )
        for number in range(count)
    ]
    for process in processes:
        process.start()
    ready.wait(_DEADLINE)
    if kill_after:
        _wait_for(lambda: _written_by_0(notes) >= 1)
    go.set()
    if kill_after:
        _wait_for(lambda: _written_by_0(notes) >= kill_after)
        processes[0].kill()
    for process in processes:
        process.join(_DEADLINE)
    codes = [process.exitcode for process in processes]
    assert codes == [-signal.SIGKILL if kill_after else 0, *[0] * (count - 1)]


def _run(ready: Any, go: Any, target: Callable[..., None], *arguments: Any) -> None:
    ready.wait(_DEADLINE)
    assert go.wait(_DEADLINE)
    target(*arguments)


def _doomed(ready: Any, _go: Any, target: Callable[..., None], *arguments: Any) -> None:
    ready.wait(_DEADLINE)
    target(*arguments)
    signal.pause()  # it was faster than the one who kills it


def _written_by_0(notes: Notes) -> int:
    return sum(line.startswith("0 ") for line in notes.lines())


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the processes did not get anywhere"
        time.sleep(0.001)
