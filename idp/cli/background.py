"""Keep one child process for the background jobs, beside the server's workers."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from time import monotonic
from types import FrameType
from typing import Protocol

_PAUSE = 1.0  # seconds between two starts: a child that dies at once must not eat the machine
_GRACE = 10.0  # seconds to finish what it is doing
_LOOK = 1.0  # seconds between looks whether the server still lives
_INHERITED = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD)


class Listener(Protocol):
    """A listening socket of the server."""

    def close(self) -> None:
        """Close it in this process."""


class Background:
    """One child that does `work` until told to stop; `keep` starts it again when it died.

    The server reaps every child of its process, so that waiting for this one tells nothing:
    whether it lives is known by a pipe that closes with it.
    """

    def __init__(self, work: Callable[[threading.Event], None]) -> None:
        self._work = work
        self._pid = 0
        self._alive = -1
        self._started = -_PAUSE

    def keep(self, listeners: Iterable[Listener]) -> None:
        """Start the child unless it runs; it closes the server's listeners on its side."""
        if self.runs() or monotonic() - self._started < _PAUSE:
            return
        self._started = monotonic()
        reading, writing = os.pipe()
        server = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reading)
            self._live(listeners, server)
        os.close(writing)
        self._alive = reading

    def runs(self) -> bool:
        """Say whether the child lives."""
        if self._alive < 0:
            return False
        if not select.select([self._alive], [], [], 0)[0]:
            return True
        os.close(self._alive)
        self._alive = -1
        return False

    def stop(self) -> None:
        """Tell the child to stop and wait until it has, for a while."""
        if not self.runs():
            return
        os.kill(self._pid, signal.SIGTERM)
        if not select.select([self._alive], [], [], _GRACE)[0]:
            os.kill(self._pid, signal.SIGKILL)

    def _live(self, listeners: Iterable[Listener], server: int) -> None:
        """Be the child; never returns into the server's code."""
        status = 1
        try:
            for listener in listeners:
                listener.close()
            self._work(_stop_with(server))
            status = 0
        finally:
            kind, error, trace = sys.exc_info()
            if kind is not None and error is not None:
                sys.excepthook(kind, error, trace)
            sys.stderr.flush()
            os._exit(status)


def _stop_with(server: int) -> threading.Event:
    """Return an event that a signal sets, or the end of the server."""
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in _INHERITED:
        signal.signal(number, signal.SIG_DFL)
    # A terminal's hang-up and Ctrl-\ are the server's to judge; it tells us.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, told)
    signal.signal(signal.SIGTERM, told)

    def watch() -> None:
        while not stop.wait(_LOOK):
            if os.getppid() != server:
                stop.set()

    threading.Thread(target=watch, name="watch server", daemon=True).start()
    return stop
