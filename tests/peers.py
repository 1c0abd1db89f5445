"""Programs that some tests need beside Python: skipped with the reason here, a failure in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

# Where the package is called otherwise.
_PACKAGES = {
    "node": "nodejs",
    "nginx": "nginx-light",
    "systemd-analyze": "systemd",
    "baresip": "baresip-core",
}
# Servers are in folders that not every account has in its path.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
_OTHER_NAMES = {"chromium": ("chromium", "chromium-browser", "google-chrome")}


def require(program: str) -> Path:
    """Return where the program is; without it skip the test, or fail it when CI=true."""
    names = _OTHER_NAMES.get(program, (program,))
    found = next(filter(None, (shutil.which(name, path=_PATH) for name in names)), None)
    if found is None:
        missing(f"{program} is not installed (Debian package {_PACKAGES.get(program, program)})")
    return Path(found)


def npm_install(program: Path, folder: Path) -> Path:
    """Install what a Node program's package-lock.json names into folder; return the program there."""
    npm = require("npm")
    require("node")
    for name in ("package.json", "package-lock.json", program.name):
        shutil.copy(program.parent / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if installed.returncode != 0:
        missing(f"npm could not install what {program.name} needs: {installed.stderr[-300:]}")
    return folder / program.name


def missing(reason: str) -> NoReturn:
    """Skip the test because a peer is missing, or fail it when CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
