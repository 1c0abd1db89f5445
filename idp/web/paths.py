"""Find the folders shipped beside the code, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(folder: str) -> Path:
    """Return the folder `templates`, `static` or `metadata`."""
    # A wheel carries them in idp/_data (see pyproject.toml); a checkout has them at the top.
    installed = _PACKAGE / "_data" / folder
    return installed if installed.is_dir() else _PACKAGE.parent / folder
