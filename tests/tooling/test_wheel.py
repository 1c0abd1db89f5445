"""The wheel carries everything that a checkout has."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SHIPPED = ("templates", "static", "metadata")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def _files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in found}


def test_it_holds_the_package_and_what_pages_need(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {f"idp/{name}" for name in _files(ROOT / "idp")} <= inside
    for folder in _SHIPPED:
        assert {f"idp/_data/{folder}/{name}" for name in _files(ROOT / folder)} <= inside
    assert not [name for name in inside if name.startswith(("tests/", "bench/", "var/"))]


def test_its_files_are_found_without_a_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import idp.paths as p; print(p.TEMPLATES, p.STATIC, p.METADATA)"
    # -I keeps the checkout out of the path; -S would lose the installed libraries.
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "idp" / "_data" / folder) for folder in _SHIPPED]
