"""The limits on the source are kept, and each of them would notice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grimp
import pytest

from tests.tooling import limits

ROOT = Path(__file__).parents[2]
Rule = Callable[[Path], Iterator[str]]

# ruff rules that no comment may switch off in the product: no assert, no broad or silent except, no
# imports inside functions, a docstring on every module, public class and public function.
_ALWAYS = "S101,BLE001,E722,S110,S112,PLC0415,D100,D101,D102,D103,D104"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("idp", include_external_packages=True, cache_dir=None)


@pytest.mark.parametrize("folder", ["idp", "tests", "bench"])
@pytest.mark.parametrize("rule", [limits.long_files, limits.vague_names])
def test_every_file_is_short_and_named_after_something(folder: str, rule: Rule) -> None:
    assert list(rule(ROOT / folder)) == []


def test_every_check_that_is_switched_off_says_why() -> None:
    assert list(limits.silenced_without_reason(ROOT / "idp")) == []


def test_function_bodies_are_short() -> None:
    assert list(limits.long_bodies(ROOT / "idp")) == []
    assert limits.share_of_short_bodies(ROOT / "idp") >= limits.SHORT_SHARE


def test_lazy_imports_say_why() -> None:
    assert list(limits.lazy_imports_without_reason(ROOT / "idp")) == []


def test_nothing_imports_in_a_circle(graph: grimp.ImportGraph) -> None:
    assert limits.import_cycle(graph) == []


_DECIDING = tuple(
    f"idp.policy.{name}"
    for name in ("counting", "decide", "matching", "model", "networks", "registering", "reset")
)
_PURE = [
    (("idp.core",), ("idp.core",)),
    (_DECIDING, ("idp.core", *_DECIDING)),
    (("idp.claims",), ("idp.core", "idp.claims")),
]


@pytest.mark.parametrize(("parts", "may_know"), _PURE)
def test_pure_parts_need_only_python_and_core(
    graph: grimp.ImportGraph, parts: tuple[str, ...], may_know: tuple[str, ...]
) -> None:
    assert limits.impure(graph, parts=parts, may_know=may_know) == set()


def test_no_comment_switches_off_what_matters() -> None:
    assert _ruff(ROOT / "idp") == ""


def test_committed_files_name_no_machine_and_no_registry() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    assert list(limits.places(limits.committed(ROOT))) == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-uv.lock"])
def test_locks_hold_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    for requirement in text.replace("\\\n", " ").splitlines():
        assert "==" in requirement, requirement
        assert "--hash=sha256:" in requirement, requirement


def _ruff(folder: Path) -> str:
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--ignore-noqa", "--no-cache"]
    options = ["--config", str(ROOT / "ruff.toml"), "--select", _ALWAYS, "--output-format", "concise"]
    return subprocess.run(
        [*command, *options, str(folder)], capture_output=True, text=True, check=False
    ).stdout


# The limits themselves ------------------------------------------------------------------------
_LONG = "def f():\n" + "    x = 1\n" * 51
_PLANTED: list[tuple[Rule, str, str]] = [
    (limits.long_files, "idp/a.py", "x = 1\n" * 401),
    (limits.long_bodies, "idp/a.py", _LONG),
    (limits.vague_names, "idp/utils.py", ""),
    (limits.vague_names, "idp/helpers/a.py", ""),
    (limits.vague_names, "idp/a.py", "class KeyManager: ...\n"),
    (limits.silenced_without_reason, "idp/a.py", "x = 1  # noqa: S101\n"),
    (limits.silenced_without_reason, "idp/a.py", "x: str = 1  # type: ignore[assignment]\n"),
    (limits.lazy_imports_without_reason, "idp/a.py", "def f():\n    import os\n    return os\n"),
]


@pytest.mark.parametrize(("rule", "name", "text"), _PLANTED)
def test_a_breach_is_noticed(tmp_path: Path, rule: Rule, name: str, text: str) -> None:
    _write(tmp_path / name, text)
    assert len(list(rule(tmp_path / "idp"))) == 1


_FINE: list[tuple[Rule, str]] = [
    (limits.long_files, "x = 1\n" * 400),
    (limits.long_bodies, 'def f():\n    """Do.\n' + "\n" * 60 + '    """\n' + "    x = 1\n" * 50),
    (limits.vague_names, "class Manageress: ...\ndef serve(): ...\n"),
    (limits.silenced_without_reason, "x = 1  # noqa: S324 - the spec says SHA-1\n"),
    (limits.silenced_without_reason, "# click gives no types here\nx = 1  # type: ignore[misc]\n"),
    (limits.lazy_imports_without_reason, "def f():\n    # heavy\n    import a\n    import b\n"),
]


@pytest.mark.parametrize(("rule", "text"), _FINE)
def test_what_is_within_limits_passes(tmp_path: Path, rule: Rule, text: str) -> None:
    _write(tmp_path / "a.py", text)
    assert list(rule(tmp_path)) == []


def test_long_bodies_lower_the_share(tmp_path: Path) -> None:
    _write(tmp_path / "a.py", _LONG + "def g(): ...\n")
    assert limits.share_of_short_bodies(tmp_path) == 0.5


_BROAD = "try:\n    pass\nexcept Exception:  # noqa: BLE001 - because of this\n    x = 1\n"
_INSIDE = "def _f() -> None:\n    import os  # noqa: PLC0415 - because of this\n    os.getpid()\n"


@pytest.mark.parametrize(
    ("code", "text"),
    [("S101", "assert True\n"), ("BLE001", _BROAD), ("PLC0415", _INSIDE), ("D103", "def f() -> None: ...\n")],
)
def test_what_matters_is_noticed_in_spite_of_comments(tmp_path: Path, code: str, text: str) -> None:
    _write(tmp_path / "room.py", '"""Room."""\n' + text)
    assert [line.split()[1] for line in _ruff(tmp_path).splitlines()] == [code]


def test_a_cycle_through_a_function_is_noticed() -> None:
    planted = grimp.ImportGraph()
    planted.add_import(importer="idp.a", imported="idp.b")
    planted.add_import(importer="idp.b", imported="idp.a")
    assert set(limits.import_cycle(planted)) == {"idp.a", "idp.b"}


def test_a_library_in_core_is_noticed() -> None:
    planted = grimp.ImportGraph()
    planted.add_module("idp.core")
    for imported in ("lxml", "idp.corset", "hashlib", "idp.core.model"):
        planted.add_import(importer="idp.core.ids", imported=imported)
    found = limits.impure(planted, parts=["idp.core"], may_know=["idp.core"])
    assert found == {"lxml", "idp.corset"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_machine_s_folder_is_noticed(tmp_path: Path) -> None:
    _write(tmp_path / "a.txt", "fine\nlook in " + str(Path("/", "home", "ada")) + "\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert len(list(limits.places(limits.committed(tmp_path)))) == 1


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
