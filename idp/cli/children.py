"""Start programs, wait until they answer, and stop them all together."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import FrameType, TracebackType
from typing import Self

from idp.core.errors import Refused

_PATIENCE = 90.0  # seconds until a program must answer; a slow machine's first start takes 15
_GRACE = 10.0  # seconds to stop by itself
_LOOK = 0.1  # seconds between looks
_LIMIT = 1024 * 1024  # bytes of an answer
_TAIL = 20  # lines of a log that are shown when its program ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program to run; environment is added to our own, log takes what it prints."""

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def stop_on_signals() -> threading.Event:
    """Return an event that Ctrl-C or SIGTERM sets, instead of ending this process at once."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return stopping


class Children:
    """Programs that run while the block runs, and are stopped when it ends, however it ends."""

    def __init__(self, programs: Sequence[Program], *, stopping: threading.Event) -> None:
        self._programs = programs
        self._stopping = stopping
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        """Start the programs, each in a session of its own: a Ctrl-C is ours to pass on."""
        # They talk to one another on this machine, whatever proxy leads outside.
        shared = os.environ | {"NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}
        for program in self._programs:
            program.log.unlink(missing_ok=True)
            program.log.touch(mode=0o600)
            with program.log.open("wb") as log:
                process = subprocess.Popen(
                    program.command,
                    env=shared | dict(program.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._running.append((program, process))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the programs; those that do not stop in time are killed."""
        for _, process in self._running:
            process.terminate()
        end = monotonic() + _GRACE
        for _, process in self._running:
            try:
                process.wait(max(0.0, end - monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def wait_for(self, address: str) -> bytes | None:
        """Return what an address answers once it does, or None when we are to stop before.

        Raises Refused when a program ended, or nothing answered in time.
        """
        end = monotonic() + _PATIENCE
        while not self._stopping.wait(_LOOK):
            answer = _ask(address)
            if answer is not None:
                return answer
            self._check()
            if monotonic() > end:
                raise Refused(f"{address} did not answer within {_PATIENCE:.0f} seconds.")
        return None

    def watch(self) -> None:
        """Wait until we are to stop. Raises Refused when a program ended before."""
        while not self._stopping.wait(_LOOK):
            self._check()

    def _check(self) -> None:
        for program, process in self._running:
            if process.poll() is not None and not self._stopping.is_set():
                raise Refused(f"{program.name} ended with code {process.returncode}:\n{_end_of(program.log)}")


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL:])


def _ask(address: str) -> bytes | None:
    # Without proxies: it is on this machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=5) as answer:
            body: bytes = answer.read(_LIMIT)
            return body
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return None
