"""The Makefile says clearly what a machine lacks, and what it can do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import peers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a folder with the Makefile and nothing else."""
    peers.require("make")
    shutil.copy(ROOT / "Makefile", tmp_path)
    for lock in ROOT.glob("requirements*.lock"):
        (tmp_path / lock.name).touch()
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def _make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Not this run's jobs, options or goals, when the tests were started by make.
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _python(folder: Path, script: str) -> str:
    """Write a program that poses as Python."""
    path = folder / "fake-python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"PYTHON={path}"


def test_an_old_python_is_named(checkout: Path) -> None:
    # Only -V works; what is asked with -c fails.
    done = _make(checkout, "install", _python(checkout, '[ "$1" = -V ] && echo Python 3.9.2 || exit 1'))
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "is Python 3.9.2." in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_says_what_to_install(checkout: Path) -> None:
    script = 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac'
    done = _make(checkout, "install", _python(checkout, script))
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()


def test_no_python_at_all_is_said(checkout: Path) -> None:
    done = _make(checkout, "install", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "Python is missing" in done.stderr


def test_help_lists_every_target(checkout: Path) -> None:
    said = _make(checkout).stdout
    phony = next(
        line for line in (checkout / "Makefile").read_text().splitlines() if line.startswith(".PHONY")
    )
    for target in phony.split()[1:]:
        assert f"make {target} " in said


def test_scripts_can_be_run() -> None:
    for script in (".ci/run", ".ci/peers"):
        assert os.access(ROOT / script, os.X_OK)
        assert subprocess.run(["bash", "-n", str(ROOT / script)], check=False).returncode == 0
