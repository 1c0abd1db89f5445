"""Find the texts to translate; used by `pybabel extract` with `locale/babel.toml` and by a test.

Public error texts are plain literals in rooms that know nothing of translation, so a text is
recognised by its form: a literal that is a whole sentence, and neither a docstring nor `detail`;
or by its name: what LABEL is set to.
Where protocol answers to programs are made too, only what an error for people is raised with, or a
remark is made of.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import IO

_FOR_PEOPLE = frozenset(
    {
        "BadMessage",
        "Blocked",
        "Denied",
        "Gone",
        "NotAllowed",
        "Refused",
        "Remark",
        "Unanswered",
        "Unchecked",
        "_unanswered",
    }
)
_Message = tuple[int, str | None, str, list[str]]


def sentences(
    source: IO[bytes], _keywords: Collection[str], _tags: Collection[str], *, options: Mapping[str, str]
) -> Iterator[_Message]:
    """Yield the public texts of a Python module, in Babel's form (line, function, text, comments).

    The option `raised` limits them to the arguments of errors.
    """
    tree = ast.parse(source.read())
    hidden = {id(part) for node in ast.walk(tree) for part in _not_public(node)}
    places = _errors(tree) if "raised" in options else ast.walk(tree)
    for node in places:
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "mark":
            yield node.lineno, None, ast.literal_eval(node.args[0]), []
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "LABEL":
            yield node.lineno, None, ast.literal_eval(node.value), []
        elif isinstance(node, ast.Constant) and id(node) not in hidden and _is_sentence(node.value):
            yield node.lineno, None, str(node.value), []


def _errors(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _FOR_PEOPLE:
            yield from ast.walk(node)


def _is_sentence(value: object) -> bool:
    return isinstance(value, str) and " " in value and value[:1].isupper() and value[-1] in ".?!"


def _not_public(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what looks like a text under this node, and is none that people see."""
    if isinstance(node, ast.Expr):  # a docstring
        yield node.value
    elif isinstance(node, ast.keyword) and node.arg == "detail":
        yield from ast.walk(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield from ast.walk(node)
