"""Measure whether 100,000 people, 10,000 partners and 5 million audit rows cost more than ten of each.

Run by `make size`, on a PostgreSQL and a Redis of its own; README.md beside this file says how to
read the table.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path

import machine
from backend import Backend
from filling import FIRST_APP, FIRST_PERSON, RARE, Size, fill
from server import Installation, Running
from visitor import Visitor, current_step

from idp.app.desk import Desk, build_desk
from idp.audit import AuditLog, Filter
from idp.core.clock import SystemClock
from idp.core.model import Actor
from idp.jobs import CleanUp
from idp.keys import MasterFile, Sealer
from idp.partners.registry import Partners
from idp.store import Store, open_store
from tests import backends

_ROOT = Path(__file__).resolve().parent.parent
_PEOPLE = [f"person{number}" for number in range(12)]
_OWNER = "owner"
_ACTOR = Actor(kind="cli", id="bench")
_GOAL = 1.3
_VISITED = 1500  # applications that somebody is sent from, to see what a worker keeps of them
_TEN = Size(name="ten", people=10, partners=10, events=10)
_MANY = Size(name="many", people=100_000, partners=10_000, events=5_000_000)
_SEEN = 9  # rows of a list; the small size has as many of each
_TIDIED = 20  # times that the clean-up runs in one round
_SETTLES = 5.0  # seconds; what is due at each start


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One size, served and open."""

    size: Size
    server: Running
    visitor: Visitor
    console: Visitor
    store: Store
    desk: Desk


Work = Callable[[World], object]
Spent = Callable[[World], float]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measure (default 5)")
    parser.add_argument("--count", type=int, default=200, help="times in one round (default 200)")
    parser.add_argument("--shrink", type=int, default=1, help="divide the large size by this, to try things")
    given = parser.parse_args()
    many = replace(
        _MANY,
        people=_MANY.people // given.shrink,
        partners=_MANY.partners // given.shrink,
        events=_MANY.events // given.shrink,
    )
    (_ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="size-", dir=_ROOT / "var") as folder, ExitStack() as stack:
        sizes = _filled(Path(folder), many)
        worlds = [stack.enter_context(_open(*each)) for each in sizes]
        time.sleep(_SETTLES)
        costs = _measured(worlds, rounds=given.rounds, count=given.count)
        memory = [_memory(world) for world in worlds]
    _print(costs, memory, many)


def _filled(folder: Path, many: Size) -> list[tuple[Size, Installation, str, Path]]:
    """Set up a small installation, and the large one as its copy."""
    server, now = backends.postgres(), int(time.time() * 1_000_000)
    few = folder / _TEN.name
    few.mkdir()
    server.create(_TEN.name)
    installation = Installation(few, _backend(_TEN.name))
    installation.settle([*_PEOPLE, _OWNER])
    installation.make_owner(_OWNER)
    shutil.copytree(few, folder / many.name)
    server.create(many.name, _TEN.name)
    copy = Installation(folder / many.name, _backend(many.name))
    fill(server.url(_TEN.name), _TEN, now=now)
    fill(server.url(many.name), many, now=now)
    server.execute("CHECKPOINT")  # or its writes would count as somebody's work
    return [
        (_TEN, installation, server.url(_TEN.name), few),
        (many, copy, server.url(many.name), folder / many.name),
    ]


def _backend(name: str) -> Backend:
    postgres, redis = backends.postgres(), backends.redis()
    return Backend(
        name=name,
        database=postgres.url(name),
        state=redis.url(f"{name}:"),
        programs=(postgres.pid, redis.pid),
    )


@contextmanager
def _open(size: Size, installation: Installation, database: str, folder: Path) -> Iterator[World]:
    store, clock = open_store(database), SystemClock()
    with installation.serving(machine.cores()[0]) as server:
        yield World(
            size=size,
            server=server,
            visitor=Visitor(server.port),
            console=Visitor(server.port),
            store=store,
            desk=build_desk(
                store=store,
                clock=clock,
                sealer=Sealer(MasterFile(folder / "data" / "master.key")),
                audit=AuditLog(clock, lambda _: None),
            ),
        )
    store.dispose()


# What is measured -----------------------------------------------------------------------------
# A browser's work, which the server answers; a visitor computes as much in both worlds.
_ANSWERED: dict[str, Work] = {
    "SAML answer, with a session": lambda world: world.visitor.saml(),
    "OIDC code flow, with a session": lambda world: world.visitor.oidc(),
    "a person's own page": lambda world: world.visitor.page("/"),
    "console: search for applications": lambda world: world.console.page(
        "/admin/applications?q=plication+00000"
    ),
    "console: one application": lambda world: world.console.page("/admin/applications/i-a1"),
}
_CLEAN_UP = "clean-up, nothing to do"


def _search(**wanted: object) -> Work:
    return lambda world: _found(
        world.desk.records.search(Filter(**wanted), limit=_SEEN, actor=_ACTOR)  # type: ignore[arg-type]
    )


def _found(rows: Sequence[object]) -> None:
    if not rows:
        raise RuntimeError("nothing was found")


def _verbs() -> dict[str, Work]:
    """Return what the desk does for the command line, in this process."""
    now = datetime.now(UTC)
    return {
        "partner found anew by entity id": lambda world: Partners(world.store).find("saml", FIRST_APP),
        "`idp person list`, a page": lambda world: _found(
            world.desk.people.listing(after="user", limit=_SEEN, actor=_ACTOR)
        ),
        "`idp person show`": lambda world: world.desk.people.show(FIRST_PERSON, actor=_ACTOR),
        "`idp partner list`, a page": lambda world: _found(
            world.desk.partners.listing(limit=_SEEN, actor=_ACTOR)
        ),
        "`idp partner list --search`": lambda world: _found(
            world.desk.partners.listing(search="plication 00000", limit=_SEEN, actor=_ACTOR)
        ),
        "`idp partner show`": lambda world: world.desk.partners.show(FIRST_APP, actor=_ACTOR),
        "audit, the newest": _search(),
        "audit of a person": _search(person=FIRST_PERSON),
        "audit of a partner": _search(partner=FIRST_APP),
        "audit of a time": _search(since=now - timedelta(days=360), until=now - timedelta(days=10)),
        "audit of a rare event": _search(event=RARE),
        "audit of a rare factor": _search(factor=RARE),
        "audit of a rare reason": _search(reason=RARE),
        "audit by correlation": _search(correlation=md5(b"1", usedforsecurity=False).hexdigest()),
        "audit by reference": _search(reference="REF-1"),
        _CLEAN_UP: lambda world: CleanUp(world.store, SystemClock()).run(),
    }


def _measured(worlds: list[World], *, rounds: int, count: int) -> dict[str, list[list[float]]]:
    """Return CPU milliseconds, the database's too: for each thing, a list of rounds per world."""
    costs: dict[str, list[list[float]]] = {}
    with machine.on_core(machine.cores()[1]):
        costs["whole sign-in, two factors"] = _sign_ins(worlds)
        for world in worlds:
            world.visitor.sign_in(_PEOPLE[0], code_at=current_step())
            world.console.enter_console(_OWNER, code_at=current_step())
        for name, work in _ANSWERED.items():
            costs[name] = _rounds(worlds, work, _answering, rounds=rounds, count=count)
        for name, work in _verbs().items():
            # A tick of the clock that /proc counts in is as much as ten of these take.
            times = _TIDIED if name == _CLEAN_UP else 3 * count
            costs[name] = _rounds(worlds, work, _here, rounds=rounds, count=times)
    return costs


def _sign_ins(worlds: list[World]) -> list[list[float]]:
    """Measure whole sign-ins; each person has one code to use per round."""
    values: list[list[float]] = [[] for _ in worlds]
    for ahead in (-1, 0, 1):
        for world, its in zip(worlds, values, strict=True):
            step, left = current_step() + ahead, iter(_PEOPLE[1:])

            def sign_in(world: World, left: Iterator[str] = left, step: int = step) -> None:
                world.visitor.sign_in(next(left), code_at=step)

            its.append(_cost(world, sign_in, _answering, len(_PEOPLE) - 1))
    return values


def _rounds(worlds: list[World], work: Work, spent: Spent, *, rounds: int, count: int) -> list[list[float]]:
    for world in worlds:
        _cost(world, work, spent, 10)  # the first ones fill caches
    values: list[list[float]] = [[] for _ in worlds]
    for _ in range(rounds):
        for world, its in zip(worlds, values, strict=True):
            its.append(_cost(world, work, spent, count))
    return values


def _cost(world: World, work: Work, spent: Spent, count: int) -> float:
    before = spent(world)
    for _ in range(count):
        work(world)
    return (spent(world) - before) / count * 1000


def _answering(world: World) -> float:
    """Return the seconds that a server, the database and the state have computed."""
    return world.server.cpu()


def _here(_: World) -> float:
    """Return the seconds that this process and the database have computed."""
    return time.process_time() + machine.cpu(machine.tree(backends.postgres().pid))


def _memory(world: World) -> float:
    """Return what a worker needs after many partners sent somebody."""
    for number in range(_VISITED):
        world.visitor.asks(f"https://app{number % world.size.partners + 1:06}.example/metadata")
    return world.server.memory()


# What is printed ------------------------------------------------------------------------------
def _print(costs: dict[str, list[list[float]]], memory: list[float], many: Size) -> None:
    print(
        f"{many.people:,} people, {many.partners:,} partners and {many.events:,} audit rows against ten of "
        f"each; load average {machine.load()}.\n"
    )
    print("| what | ten | many | ratio | goal |\n| --- | ---: | ---: | ---: | --- |")
    for name, (few, lots) in costs.items():
        ratio = statistics.median(more / less for less, more in zip(few, lots, strict=True))
        small, large = statistics.median(few), statistics.median(lots)
        print(f"| {name} | {small:.2f} ms | {large:.2f} ms | {ratio:.2f} | at most {_GOAL} |")
    ratio = memory[1] / memory[0]
    print(f"| memory of the worker | {memory[0]:.0f} MB | {memory[1]:.0f} MB | {ratio:.2f} | |")


if __name__ == "__main__":
    main()
