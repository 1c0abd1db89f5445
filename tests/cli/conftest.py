"""The `idp` command on an installation of its own, run in this process or as a program."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from idp.cli import main

IDP = Path(sys.executable).with_name("idp")


@dataclass(frozen=True)
class Command:
    """Runs `idp` with arguments."""

    def __call__(self, *arguments: str, given: str = "", exit_code: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        return result

    def refused(self, *arguments: str, given: str = "") -> str:
        """Run, expect exit code 1, and return the reason on stderr; nothing may be on stdout."""
        result = self(*arguments, given=given, exit_code=1)
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        return result.stderr.strip()

    def json(self, *arguments: str, given: str = "", exit_code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", given=given, exit_code=exit_code).stdout)


@pytest.fixture(scope="session")
def _first_start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as the first command makes it: keys are slow to make, so once."""
    folder = tmp_path_factory.mktemp("first") / "var"
    with pytest.MonkeyPatch.context() as patch:
        clean(patch)
        patch.setenv("IDP_DATA", str(folder))
        Command()("key", "list")
    return folder


@pytest.fixture
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, and no IDP_* variable."""
    clean(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def data(nothing_set: Path, _first_start: Path) -> Path:
    """The data folder of an installation that was just set up."""
    return Path(shutil.copytree(_first_start, nothing_set / "var"))


@pytest.fixture
def idp(data: Path) -> Command:
    return Command()


def clean(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("IDP_")]:
        patch.delenv(name)
