"""Each import contract notices a violation: one is planted in a copy of the package, and lint breaks."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PREFIX = "importlinter:contract:"

# contract, the file that breaks it, the line that does
PLANTED = [
    ("rooms", "idp/core/planted.py", "import idp.store"),
    ("rooms", "idp/state/planted.py", "import idp.keys"),
    ("rooms", "idp/saml/planted.py", "import idp.oidc"),
    ("rooms", "idp/store/planted.py", "def late():\n    import idp.signin"),
    ("rooms", "idp/attic/__init__.py", "import idp.core"),
    ("demo", "idp/demo/planted.py", "import idp.core.ids"),
    ("kept-apart", "idp/signin/planted.py", "import idp.demo.site"),
    ("flask", "idp/signin/planted.py", "import flask"),
    ("flask", "idp/core/planted.py", "from flask import g"),
    ("saml2", "idp/partners/planted.py", "import saml2.mdstore"),
    ("authlib", "idp/partners/planted.py", "from authlib import jose"),
    ("signatures", "idp/saml/planted.py", "import signxml"),
    ("webauthn", "idp/methods/planted.py", "import webauthn"),
    ("redis", "idp/state/planted.py", "import redis"),
    ("factors", "idp/factors/planted.py", "import idp.factors.totp"),
    ("factors", "idp/factors/codes.py", "import idp.factors.totp"),
    ("factors", "idp/factors/tools.py", "import idp.factors.totp"),
    ("settings", "idp/signin/planted.py", "import idp.settings"),
]

# Where a contract lets its library in, it must not complain.
ALLOWED = [
    ("flask", "idp/saml/pages.py", "import flask"),
    ("flask", "idp/factors/webauthn/pages.py", "import flask"),
    ("flask", "idp/admin/api/people.py", "import flask"),
    ("saml2", "idp/saml/planted.py", "import saml2.samlp"),
    ("authlib", "idp/oidc/planted.py", "import authlib"),
    ("webauthn", "idp/factors/planted.py", "import webauthn"),
    ("redis", "idp/state/redis.py", "import redis"),
    ("factors", "idp/factors/planted.py", "import idp.factors.codes"),
    ("factors", "idp/factors/planted.py", "import idp.factors.tools"),
    ("settings", "idp/cli/planted.py", "import idp.settings"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the package with its contracts."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "idp", copy / "idp", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", copy)
    return copy


@pytest.fixture
def planted(house: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Put the violation into the copy, and take it out afterwards."""
    contract, name, line = request.param
    path = house / name
    before = path.read_text() if path.exists() else None
    made = [folder for folder in path.relative_to(house).parents if not (house / folder).exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    packages = [folder / "__init__.py" for folder in made]
    for package in packages:
        (house / package).touch()
    path.write_text(f"{line}\n{before or ''}")
    yield contract
    if before is not None:
        path.write_text(before)
    elif made:
        shutil.rmtree(house / made[-1])
    else:
        path.unlink()


@pytest.mark.parametrize("planted", PLANTED, indirect=True, ids=lambda row: f"{row[0]} {row[1]}")
def test_a_violation_breaks_its_contract(house: Path, planted: str) -> None:
    done = _lint(house, planted)
    assert "0 kept, 1 broken" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("planted", ALLOWED, indirect=True, ids=lambda row: f"{row[0]} {row[1]}")
def test_what_a_contract_allows_keeps_it(house: Path, planted: str) -> None:
    done = _lint(house, planted)
    assert "1 kept, 0 broken" in done.stdout, done.stdout + done.stderr


def test_the_unchanged_copy_keeps_every_contract(house: Path) -> None:
    done = _lint(house)
    assert f"{len(_contracts())} kept, 0 broken" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_every_contract_has_a_planted_violation() -> None:
    assert {contract for contract, _, _ in PLANTED} == _contracts()


def _contracts() -> set[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    return {name.removeprefix(_PREFIX) for name in config.sections() if name.startswith(_PREFIX)}


def _lint(house: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    options = [option for name in contracts for option in ("--contract", name)]
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", *options]
    # The copy, not the package that is installed.
    environment = os.environ | {"PYTHONPATH": str(house)}
    return subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True, check=False)
