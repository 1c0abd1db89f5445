"""Search one door for a request that breaks it; `python -m tests.fuzz.search` measures memory too."""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.fuzz import readers, tables
from tests.fuzz.doors import DOORS
from tests.fuzz.held import SHOWINGS
from tests.fuzz.installation import Installation, prepare, senders
from tests.fuzz.knowledge import Knowledge
from tests.fuzz.showing import tried
from tests.fuzz.wire import Outcome, Sent, onward

READERS = {
    "partner-metadata": readers.metadata_documents,
    "phones-table": tables.drawn,
    "policy": readers.rule_lists,
    "settings": readers.settings_changes,
}
NAMES = (*DOORS, *READERS, *SHOWINGS)
_BATCH = 1000
_WARM = 300


class Counterpart(Protocol):
    """An installation, here or in a process of its own."""

    def send(self, sent: Sent) -> Outcome: ...
    def call(self, name: str, given: Any) -> Outcome: ...
    def mint(self, kind: str) -> dict[str, Any]: ...


def search(
    name: str, counterpart: Counterpart, template: Path, *, count: int, start: int = 0
) -> Counter[int]:
    """Try count examples and return how often each status came; in batches, so that the search stays small.

    Raises AssertionError, with the smallest request found, when one breaks the door.
    """
    statuses: Counter[int] = Counter()
    try_one = _try_one(name, counterpart, template)
    for number, first in enumerate(range(0, count, _BATCH)):
        _batch(name, try_one, statuses, size=min(_BATCH, count - first), number=start + number)
    return statuses


def _batch(
    name: str, try_one: Callable[[Any], Outcome], statuses: Counter[int], *, size: int, number: int
) -> None:
    @seed(number)
    @settings(
        max_examples=size,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(_drawn(name))
    def run(example: Any) -> None:
        outcome = try_one(example)
        statuses[outcome.status] += 1
        assert not outcome.broken, outcome.broken

    run()


def _drawn(name: str) -> SearchStrategy[Any]:
    if name in READERS:
        return READERS[name]
    return SHOWINGS[name].drawn if name in SHOWINGS else DOORS[name].drawn


def _try_one(name: str, counterpart: Counterpart, template: Path) -> Callable[[Any], Outcome]:
    known = Knowledge(counterpart.mint, senders(template))

    def send(example: Any) -> Outcome:
        sent = DOORS[name].made(example, known)
        note(f"{sent}"[:4000])
        outcome = counterpart.send(sent)
        if DOORS[name].followed and outcome.status == 303 and not outcome.broken:
            return counterpart.send(onward(sent, outcome))
        return outcome

    def read(example: Any) -> Outcome:
        given = (
            tables.made(example) if name == "phones-table" else readers.given(name, example, known.senders)
        )
        return counterpart.call(name, given)

    def show(example: Any) -> Outcome:
        return tried(SHOWINGS[name], counterpart, example)

    return read if name in READERS else show if name in SHOWINGS else send


# In a process of its own ----------------------------------------------------------------------
class Elsewhere:
    """An installation in a fresh process, whose memory is its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _ask(self, verb: str, *values: Any) -> Any:
        self._connection.send((verb, values))
        return self._connection.recv()

    def send(self, sent: Sent) -> Outcome:
        outcome: Outcome = self._ask("send", sent)
        return outcome

    def call(self, name: str, given: Any) -> Outcome:
        outcome: Outcome = self._ask("call", name, given)
        return outcome

    def mint(self, kind: str) -> dict[str, Any]:
        minted: dict[str, Any] = self._ask("mint", kind)
        return minted

    def peak(self) -> int:
        """Return the most memory the process ever had, in KiB."""
        peak: int = self._ask("peak")
        return peak


def _serve(connection: Connection, template: Path, folder: Path) -> None:
    installation = Installation(template, folder)
    while True:
        try:
            verb, values = connection.recv()
        except EOFError:
            return
        connection.send(_peak() if verb == "peak" else getattr(installation, verb)(*values))


def _peak() -> int:
    # getrusage would do, were it not for a child inheriting its parent's peak (Linux).
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@contextmanager
def elsewhere(template: Path, folder: Path) -> Iterator[Elsewhere]:
    """Start an installation in a fresh process, and end it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, template, folder), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Elsewhere(ours)
    finally:
        ours.close()
        process.join(timeout=10)


def measure(name: str, template: Path, folder: Path, *, count: int, start: int) -> tuple[Counter[int], int]:
    """Search a door of a fresh process; return the statuses and by how many KiB its memory peaked higher.

    The first examples, which fill caches and import the last modules, come before the measurement.
    """
    with elsewhere(template, folder) as counterpart:
        search(name, counterpart, template, count=_WARM, start=1 << 20)
        before = counterpart.peak()
        statuses = search(name, counterpart, template, count=count, start=start)
        return statuses, counterpart.peak() - before


def main() -> None:
    """Search the doors named (or all) with COUNT examples each and say what came of it."""
    count, names = int(sys.argv[1]), sys.argv[2:] or NAMES
    with tempfile.TemporaryDirectory() as folder:
        template = prepare(Path(folder))
        for name in names:
            began = time.monotonic()
            statuses, grown = measure(name, template, Path(folder) / name, count=count, start=0)
            shown = " ".join(f"{status}:{times}" for status, times in sorted(statuses.items()))
            took = time.monotonic() - began
            line = f"{name}: {statuses.total()} in {took:.0f} s, +{grown / 1024:.1f} MiB, {shown}\n"
            sys.stdout.write(line)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
