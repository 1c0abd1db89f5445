"""docs/attacks.md tells the truth: every row once, and only tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_TEXT = (ROOT / "docs" / "attacks.md").read_text()
_ROWS = dict(re.findall(r"^### (\d+[bc]?)\. (.*(?:\n(?!#).*)*)", _TEXT, re.MULTILINE))
_TESTS = re.findall(r"^- `([\w/]+\.py)::(\w+)`$", _TEXT, re.MULTILINE)
# test_case_17b_..., test_row_63_..., test_case_44_45_...
_NAMED = re.compile(r"test_(?:case|row)_((?:\d+[bc]?_)+)")
ALL = [*map(str, range(1, 73)), "17b", "45b", "67b", "67c"]


@cache
def defined_in(file: str) -> frozenset[str]:
    path = ROOT / "tests" / file
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_row_is_there_once() -> None:
    assert sorted(re.findall(r"^### (\S+)\.", _TEXT, re.MULTILINE)) == sorted(ALL)


@pytest.mark.parametrize("number", ALL)
def test_a_row_is_tested_or_says_what_it_waits_for(number: str) -> None:
    assert "::test_" in _ROWS[number] or "\nNot yet: " in _ROWS[number]


def test_every_test_that_is_named_exists() -> None:
    assert len(_TESTS) == _TEXT.count("::test_")
    assert [f"{file}::{name}" for file, name in _TESTS if name not in defined_in(file)] == []


def test_tests_stand_under_the_row_they_are_named_after() -> None:
    listed = [(number, name) for number, body in _ROWS.items() for name in re.findall(r"::(test_\w+)", body)]
    named = [(number, found[1].split("_")) for number, name in listed if (found := _NAMED.match(name))]
    assert len(named) > 100
    assert [(number, rows) for number, rows in named if number.zfill(2) not in rows] == []
