"""The portal, seen from the same browsers as the console."""

from __future__ import annotations

import pytest

from tests.admin.conftest import Browser, Console, console, database

__all__ = ["console", "database"]


@pytest.fixture
def ada(console: Console) -> Browser:
    """Give a browser in which Ada is at her page."""
    return console.browser().sign_in("ada", "/me")
