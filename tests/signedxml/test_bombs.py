"""Rows 1 to 3: what is small to send and dear to read costs next to nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

import pytest

from tests.signedxml.bombs import MIB


@cache
def _costs() -> dict[str, dict[str, float]]:
    program = [sys.executable, "-m", "tests.signedxml.bombs"]
    return json.loads(subprocess.run(program, capture_output=True, check=True, timeout=120).stdout)


def _check(prefix: str, *, seconds: float, mebibytes: int) -> None:
    costs = {name: cost for name, cost in _costs().items() if name.startswith(prefix)}
    assert costs
    for name, cost in costs.items():
        assert cost["refused"], name
        assert cost["seconds"] < seconds, (name, cost)
        assert cost["kibibytes"] < mebibytes * MIB // 1024, (name, cost)


@pytest.mark.parametrize("prefix", ["redirect", "query"])
def test_case_01_deflate_bomb_in_the_address(prefix: str) -> None:
    _check(prefix, seconds=0.05, mebibytes=10)


def test_case_02_deflate_bomb_in_a_form() -> None:
    _check("post", seconds=0.05, mebibytes=10)


def test_case_03_xml_bomb_in_a_message() -> None:
    _check("message", seconds=0.1, mebibytes=10)


def test_case_03_xml_bomb_in_metadata() -> None:
    _check("metadata", seconds=0.5, mebibytes=100)
