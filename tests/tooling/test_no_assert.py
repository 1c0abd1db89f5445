"""Row 71 for the whole product: nothing is checked by assert, which `python -O` leaves out."""

from __future__ import annotations

import ast
from pathlib import Path

IDP = Path(__file__).parents[2] / "idp"


def test_case_71_no_assert_anywhere() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in IDP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Name) and node.id == "__debug__")
    ]
    assert found == []
