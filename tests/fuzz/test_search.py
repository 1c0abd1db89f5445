"""The search would notice: a page that breaks, and an answer that leads to a stranger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import redirect

from tests.fuzz.installation import Installation, prepare
from tests.fuzz.search import search
from tests.fuzz.wire import Sent

HOME = Sent(path="/", headers={"Host": "id.example"})


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("search"))


@pytest.fixture
def installation(template: Path, tmp_path: Path) -> Iterator[Installation]:
    opened = Installation(template, tmp_path / "data")
    yield opened
    opened.close()


def broken() -> str:
    raise ZeroDivisionError("inside")


def test_a_page_that_breaks_is_noticed(installation: Installation, template: Path) -> None:
    assert not installation.send(HOME).broken
    installation.app.view_functions["signin.home"] = broken
    assert "ZeroDivisionError: inside" in installation.send(HOME).broken
    with pytest.raises(AssertionError, match="ZeroDivisionError: inside"):
        search("files", installation, template, count=200)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "https://sp.example.evil.example/acs",
        "http://id.example.evil/",
    ],
)
def test_a_way_to_a_stranger_is_noticed(installation: Installation, address: str) -> None:
    installation.app.view_functions["signin.home"] = lambda: redirect(address, 303)
    assert "leads to" in installation.send(HOME).broken
