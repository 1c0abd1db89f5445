"""The search would notice: a page that breaks, a way to a stranger, and proof that is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import redirect

from idp.channels import twilio_voice
from idp.core.errors import Refused
from idp.factors.passkey import ceremony
from idp.factors.passkey.ceremony import Shown
from idp.factors.push import phones
from tests.fuzz.installation import Installation, prepare
from tests.fuzz.search import search
from tests.fuzz.showing import referred, said_why
from tests.fuzz.wire import Outcome, Sent

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


def anything(*_: Any, **__: Any) -> Shown:
    return Shown(count=0, verified=True, device="one")


def nothing(*_: Any, **__: Any) -> Shown:
    raise Refused("No.")


@pytest.mark.parametrize(
    ("door", "room", "name", "put", "said"),
    [
        ("passkey", ceremony, "shown", anything, "taken as if it were genuine"),
        ("passkey", ceremony, "shown", nothing, "refused the genuine twin"),
        ("phone-app", phones, "same", lambda _one, _other: True, "taken as if it were genuine"),
        ("phone-app", phones, "same", lambda _one, _other: False, "refused the genuine twin"),
        (
            "phone-call",
            twilio_voice,
            "check_signed",
            lambda _secret, _call: None,
            "taken as if it were genuine",
        ),
    ],
)
def test_proof_that_is_none_is_noticed(
    installation: Installation,
    template: Path,
    monkeypatch: pytest.MonkeyPatch,
    door: str,
    room: Any,
    name: str,
    put: Callable[..., Any],
    said: str,
) -> None:
    monkeypatch.setattr(room, name, put)
    with pytest.raises(AssertionError, match=said):
        search(door, installation, template, count=100)


def test_a_refusal_that_does_not_say_why_is_noticed() -> None:
    page, problem, reference = (
        "<h1>Sign in</h1>",
        '<div id="problem">No.</div>',
        '<p class="reference">K7QW-2MXD',
    )
    assert said_why(Outcome(status=200, text=page + problem))
    assert said_why(Outcome(status=400, text=page + reference))
    assert said_why(Outcome(status=410, text=page))
    assert said_why(Outcome(status=303, leads_to=("/signin/i1",)))
    for bare in (200, 400):
        assert not said_why(Outcome(status=bare, text=page))
    assert not said_why(Outcome(status=303, leads_to=("https://wiki.example/cb",)))
    assert referred(Outcome(status=401, text='{"error":"No.","reference":"K7QW-2MXD"}'))
    assert not referred(Outcome(status=401, text='{"error":"No."}'))
