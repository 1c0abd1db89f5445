"""The rooms behind the OpenID Connect addresses, ready for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.store import revisioned
from tests.oidc.house import House, build, prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of data with keys, which take long to make, and the clients wiki and app (public)."""
    return prepare(tmp_path_factory.mktemp("oidc"))


@pytest.fixture
def house(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Return the application, with caches that never wait."""
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 0.0)
    built = build(prepared, tmp_path / "data")
    yield built
    built.store.dispose()
