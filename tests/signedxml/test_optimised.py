"""Row 71: nothing is checked by assert, so `python -O` refuses as much."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import idp.signedxml


@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_case_71_optimised_python_refuses_the_same(option: str) -> None:
    program = [sys.executable, option, "-m", "tests.signedxml.refusals"]
    result = json.loads(subprocess.run(program, capture_output=True, check=True, timeout=60).stdout)
    assert result["optimised"]
    assert result["genuine"] == [6, 6]
    accepted, forged = result["forged"]
    assert (accepted, forged > 60) == (0, True)


def test_case_71_no_assert_in_the_room() -> None:
    folder = Path(idp.signedxml.__file__).parent
    trees = [ast.parse(path.read_text()) for path in folder.glob("*.py")]
    assert len(trees) > 5
    assert not any(isinstance(node, ast.Assert) for tree in trees for node in ast.walk(tree))
