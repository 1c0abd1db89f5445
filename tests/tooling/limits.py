"""What ruff and import-linter can't say: sizes, names, cycles, reasons, and what must not be committed.

Each rule takes where to look and yields one line per breach.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from grimp import ImportGraph

MAX_FILE = 400
MAX_BODY = 50
SHORT_BODY = 20
SHORT_SHARE = 0.9

_VAGUE = re.compile(r"(^|_)(helpers?|utils?|services?|managers?)$|[a-z](Helper|Util|Utils|Service|Manager)$")
_SILENCED = re.compile(r"#\s*(noqa|type:\s*ignore|fmt:|pragma:|nosec)")
# The code that is silenced, and then at least two words.
_WITH_REASON = re.compile(r"#\s*(noqa:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|type:\s*ignore\[[a-z, -]+\])\W+\w+ \w+")
# The brackets keep this line from breaking its own rule.
_PLACES = re.compile(r"/([w]ork|[h]ome|[r]oot|[U]sers)/\w|py[p]i\.org|python[h]osted|npm[j]s\.org")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(root: Path) -> list[Path]:
    """Return the Python files under a folder."""
    return sorted(path for path in root.rglob("*.py") if "node_modules" not in path.parts)


def functions(path: Path) -> Iterator[Function]:
    """Yield every function of a file, methods and nested ones included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def body_lines(function: Function) -> int:
    """Return how many lines a function's body has, its docstring not counted."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def long_files(root: Path) -> Iterator[str]:
    """Yield files of more than MAX_FILE lines."""
    for path in python_files(root):
        count = len(path.read_text().splitlines())
        if count > MAX_FILE:
            yield f"{path}: {count} lines"


def long_bodies(root: Path) -> Iterator[str]:
    """Yield function bodies of more than MAX_BODY lines."""
    for path in python_files(root):
        for function in functions(path):
            if body_lines(function) > MAX_BODY:
                yield f"{path}:{function.lineno}: {function.name} has {body_lines(function)} lines"


def share_of_short_bodies(root: Path) -> float:
    """Return which share of the function bodies has under SHORT_BODY lines."""
    lengths = [body_lines(function) for path in python_files(root) for function in functions(path)]
    return sum(length < SHORT_BODY for length in lengths) / len(lengths) if lengths else 1.0


def vague_names(root: Path) -> Iterator[str]:
    """Yield files, folders and classes named after nothing in particular."""
    for path in python_files(root):
        for name in (path.stem, *path.relative_to(root).parent.parts):
            if _VAGUE.search(name):
                yield f"{path}: {name}"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and _VAGUE.search(node.name):
                yield f"{path}:{node.lineno}: {node.name}"


def silenced_without_reason(root: Path) -> Iterator[str]:
    """Yield comments that switch a check off and do not say why, there or on the line above."""
    for path in python_files(root):
        lines = ["", *path.read_text().splitlines()]
        for number, comment in comments(path):
            if not _SILENCED.search(comment) or _WITH_REASON.search(comment):
                continue
            if not lines[number - 1].lstrip().startswith("#"):
                yield f"{path}:{number}: {comment}"


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line number and text of every comment."""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def lazy_imports_without_reason(root: Path) -> Iterator[str]:
    """Yield imports inside functions without a comment beside or above them."""
    for path in python_files(root):
        lines = ["", *path.read_text().splitlines()]
        for function in functions(path):
            for node in ast.walk(function):
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    continue
                if "#" not in lines[node.lineno] and not _explained_above(lines, node.lineno):
                    yield f"{path}:{node.lineno}: {lines[node.lineno].strip()}"


def _explained_above(lines: list[str], number: int) -> bool:
    # One comment speaks for a block of imports.
    while number > 1 and lines[number - 1].lstrip().startswith(("import ", "from ")):
        number -= 1
    return lines[number - 1].lstrip().startswith("#")


def import_cycle(graph: ImportGraph) -> list[str]:
    """Return one cycle of modules, imports inside functions included; empty when there is none."""
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def impure(graph: ImportGraph, *, parts: Sequence[str], may_know: Sequence[str]) -> set[str]:
    """Return what modules or packages import beside Python's standard library and what they may know."""
    modules = {module for part in parts for module in {part} | graph.find_descendants(part)}
    imported = {name for module in modules for name in graph.find_modules_directly_imported_by(module)}
    known = tuple(f"{name}." for name in (*may_know, *sys.stdlib_module_names))
    return {name for name in imported if not f"{name}.".startswith(known)}


def committed(repository: Path) -> list[Path]:
    """Return the files git knows (or would, were they added)."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, check=True).stdout
    files = (repository / name for name in listed.decode().split("\0") if name)
    return [path for path in files if path.is_file()]


def places(files: list[Path]) -> Iterator[str]:
    """Yield lines that name a folder of somebody's machine or a package registry."""
    for path in files:
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), start=1):
            if _PLACES.search(line):
                yield f"{path}:{number}: {line.strip()[:100]}"
