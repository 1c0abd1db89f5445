"""The settings of passkeys: read strictly, on record, and published where browsers look."""

from __future__ import annotations

import pytest

from idp.core.errors import Refused
from idp.core.model import Actor
from idp.factors.passkey import PasskeySettings
from tests.desk.conftest import OWNER


def test_what_is_not_given_stays(desk) -> None:
    assert desk.passkeys.show(actor=OWNER) == PasskeySettings()
    desk.passkeys.set(name="Example.ORG ", actor=OWNER)
    desk.passkeys.set(origins=["https://login.example.de/", "https://LOGIN.example.de:443"], actor=OWNER)
    after = desk.passkeys.set(refuse_copies=False, actor=OWNER)
    assert after == PasskeySettings(
        name="example.org", origins=("https://login.example.de",), refuse_copies=False
    )
    assert desk.passkeys.show(actor=OWNER) == after
    assert desk.passkeys.set(name="", origins=[], refuse_copies=True, actor=OWNER) == PasskeySettings()
    assert "methods-configured" in "".join(desk.log)


@pytest.mark.parametrize(
    "name", ["https://example.org", "example.org/x", "a b", "-a.org", "x" * 64, "é.org", "."]
)
def test_a_domain_is_a_name(desk, name: str) -> None:
    with pytest.raises(Refused, match="A domain is written"):
        desk.passkeys.set(name=name, actor=OWNER)


@pytest.mark.parametrize(
    "origin", ["http://example.org", "example.org", "https://", "https://a:b", "https://[::1]", "https://a b"]
)
def test_an_origin_is_https_and_a_name(desk, origin: str) -> None:
    with pytest.raises(Refused, match="An origin is written"):
        desk.passkeys.set(origins=[origin], actor=OWNER)


def test_too_many_origins_are_said(desk) -> None:
    with pytest.raises(Refused, match="20 at most"):
        desk.passkeys.set(origins=[f"https://a{number}.example" for number in range(21)], actor=OWNER)


def test_nobody_else_sets_them(desk) -> None:
    with pytest.raises(Refused):
        desk.passkeys.set(name="evil.test", actor=Actor(kind="person", id="x"))
