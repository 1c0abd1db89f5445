"""No message, however it was changed, breaks a front door: no error 500, no growth, no way to a stranger.

What is shown to prove who one is, is taken for what it says and nothing else (see `showing`).
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.held import SHOWINGS
from tests.fuzz.installation import Installation, prepare
from tests.fuzz.search import NAMES, measure, search

_LONG = bool(os.environ.get("COUNTERSIGN_LONG"))
_EXAMPLES = 20_000 if _LONG else 150
# Each of these begins a sign-in, or looks at many numbers.
_EACH = dict.fromkeys((*SHOWINGS, "phones-table"), 4)
_MOST_GROWTH = 50 * 1024  # KiB
# Werkzeug leaves the file of a form that was cut short to the collector, which closes it at once.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.Spooled:ResourceWarning")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("fuzz"))


@pytest.fixture
def installation(template: Path, tmp_path: Path) -> Iterator[Installation]:
    opened = Installation(template, tmp_path / "data")
    yield opened
    opened.close()


def count_of(name: str) -> int:
    return _EXAMPLES // _EACH.get(name, 1)


def check_both_sides(statuses: Counter[int]) -> None:
    """A search that is always refused at the first check, or never, has shown nothing."""
    passed = sum(times for status, times in statuses.items() if status < 400)
    assert passed >= statuses.total() // 50
    assert statuses.total() - passed >= 1


@pytest.mark.skipif(_LONG, reason="the long search, in a process of its own, does more")
@pytest.mark.parametrize("name", NAMES)
def test_changed_messages_are_answered(name: str, template: Path, installation: Installation) -> None:
    statuses = search(name, installation, template, count=count_of(name))
    assert statuses.total() >= count_of(name)
    check_both_sides(statuses)


@pytest.mark.skipif(not _LONG, reason="`make check` does it")
@pytest.mark.parametrize("name", NAMES)
def test_many_changed_messages_are_answered_in_little_memory(
    name: str, template: Path, tmp_path: Path
) -> None:
    statuses, grown = measure(
        name, template, tmp_path / "data", count=count_of(name), start=secrets.randbelow(1 << 30)
    )
    assert statuses.total() >= count_of(name)
    assert grown < _MOST_GROWTH
    check_both_sides(statuses)
