"""What every test shares: how hypothesis searches, a clock to set, a store with all tables."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling, Scheduling

from idp.store import Store, open_store
from tests import backends
from tests.clock import TestClock
from tests.compiled import Compiled
from tests.peers import npm_install

_SLOW_MACHINES_ARE_FINE = [HealthCheck.too_slow]
# The same examples every time, so that a run says something about the change and not about luck.
settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=_SLOW_MACHINES_ARE_FINE
)
# `make check`: many and new examples.
settings.register_profile(
    "long", max_examples=2000, deadline=None, suppress_health_check=_SLOW_MACHINES_ARE_FINE
)
_LONG = bool(os.environ.get("COUNTERSIGN_LONG"))
settings.load_profile("long" if _LONG else "steady")


# Looked through all the time, what thousands of tests were imported for takes a tenth of a run.
gc.set_threshold(100_000, 50, 100)

# Each application of ours compiles its templates for itself, and most tests that show a page make one.
Flask.jinja_options["bytecode_cache"] = Compiled()

# They wait for servers and browsers more than they compute: begun first, and beside one more process
# than there are cores, they leave none of these idle at the end.
_WAITING = ("walks", "demo", "cli", "tooling", "pages")
# How the names of files begin that share a server, which each process would start for itself.
_SHARED = ("tests/walks/test_demo_", "tests/walks/test_server_")
# Half a minute each when they are long, and each for itself.
_SEARCHES = "tests/fuzz/test_doors.py"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Say how many processes `-n auto` is."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Have files begun in the order in which they are collected."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those that wait first."""
    here, ranks = Path(__file__).parent, {room: rank for rank, room in enumerate(_WAITING)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(here).parts[0], len(ranks)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Give files to processes, but all walks on one server or demo to one."""
    return _ByServer(config, log)


class _ByServer(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        if _LONG and nodeid.startswith(_SEARCHES):
            return nodeid
        return next(filter(nodeid.startswith, _SHARED), nodeid.partition("::")[0])


@pytest.fixture
def clock() -> TestClock:
    """Give a clock that stands still until the test advances it."""
    return TestClock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests marked `backends` on those named, or both; the others on the one that was chosen."""
    if "backend" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backends")
        usual = [backends.CHOSEN]
        if marker is not None and backends.CHOSEN == backends.SQLITE:
            usual = [backends.SQLITE, backends.POSTGRES]
        metafunc.parametrize("backend", (marker and marker.args) or usual, scope="session")


@pytest.fixture
def database(tmp_path: Path, backend: str) -> str:
    """Give the URL of a fresh database with all tables, for stores of several processes."""
    return backends.blank(backend, tmp_path)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Give a store on a fresh database with all tables."""
    store = backends.hasten(open_store(database))
    yield store
    store.dispose()


@pytest.fixture(scope="session")
def node_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Give a function that installs a Node program's packages, once per session; returns it there."""
    return cache(lambda program: npm_install(program, tmp_path_factory.mktemp("node")))
