"""Programs that some tests need beside Python: skipped with the reason here, a failure in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_PACKAGES = {"chromium": "chromium", "xmlsec1": "xmlsec1", "node": "nodejs", "npm": "npm"}
_OTHER_NAMES = {"chromium": ("chromium", "chromium-browser", "google-chrome")}


def require(program: str) -> Path:
    """Return where the program is; without it skip the test, or fail it when CI=true."""
    names = _OTHER_NAMES.get(program, (program,))
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        missing(f"{program} is not installed (Debian package {_PACKAGES.get(program, program)})")
    return Path(found)


def missing(reason: str) -> NoReturn:
    """Skip the test because a peer is missing, or fail it when CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
