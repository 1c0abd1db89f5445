"""People who are blocked: with a reason, for a while, on record; and what an alarm does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp.core.errors import Refused
from idp.core.model import Actor
from idp.directory.people import NewPerson
from idp.factors.alarm import AlarmSettings
from tests.desk.conftest import OWNER

STRANGER = Actor(kind="person", id="x")


def add(desk) -> None:
    desk.people.add(NewPerson(name="ada"), password="correct horse", actor=OWNER)


def test_a_block_has_a_reason_and_an_end(desk, clock) -> None:
    add(desk)
    made = desk.blocks.block("ADA", reason="lost laptop", actor=OWNER)
    assert made.until - clock.now() == timedelta(days=90)
    (listed,) = desk.blocks.listing(actor=OWNER)
    assert (listed.name, listed.reason, listed.until) == ("ada", "lost laptop", made.until)
    shown = desk.people.show("ada", actor=OWNER).person
    assert shown.blocked_until == made.until
    clock.advance(days=90)
    assert desk.blocks.listing(actor=OWNER) == ()
    with pytest.raises(Refused, match="not blocked"):
        desk.blocks.unblock("ada", reason="over", actor=OWNER)


def test_a_block_is_lifted_and_both_are_on_record(desk, clock) -> None:
    add(desk)
    desk.blocks.block("ada", reason="lost laptop", until=clock.now() + timedelta(hours=1), actor=OWNER)
    clock.advance(minutes=1)
    desk.blocks.unblock("ada", reason="found it", actor=OWNER)
    after = desk.people.show("ada", actor=OWNER).person
    assert after.blocked_until is None
    assert after.proofs_from == clock.now()
    log = "".join(desk.log)
    assert "person-blocked" in log
    assert "lost laptop" in log
    assert "person-unblocked" in log
    assert "found it" in log


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 201, "\x00"])
def test_a_reason_is_a_line(desk, reason: str) -> None:
    add(desk)
    with pytest.raises(Refused):
        desk.blocks.block("ada", reason=reason, actor=OWNER)
    assert desk.blocks.listing(actor=OWNER) == ()


def test_a_block_ends_later(desk, clock) -> None:
    add(desk)
    with pytest.raises(Refused, match="in the future"):
        desk.blocks.block("ada", reason="x", until=clock.now(), actor=OWNER)


def test_an_alarm_is_set(desk) -> None:
    assert desk.blocks.show(actor=OWNER) == AlarmSettings()
    desk.blocks.set(tell=["a@example.org", "a@example.org", " b@example.org "], actor=OWNER)
    after = desk.blocks.set(block=False, actor=OWNER)
    assert after == AlarmSettings(block=False, tell=("a@example.org", "b@example.org"))
    assert desk.blocks.set(block=True, tell=[], actor=OWNER) == AlarmSettings()
    with pytest.raises(Refused, match="e-mail"):
        desk.blocks.set(tell=["nobody"], actor=OWNER)
    with pytest.raises(Refused, match="ten"):
        desk.blocks.set(tell=[f"a{number}@example.org" for number in range(11)], actor=OWNER)


def test_nobody_else_may(desk) -> None:
    add(desk)
    for act in (
        lambda: desk.blocks.block("ada", reason="x", actor=STRANGER),
        lambda: desk.blocks.unblock("ada", reason="x", actor=STRANGER),
        lambda: desk.blocks.listing(actor=STRANGER),
        lambda: desk.blocks.show(actor=STRANGER),
        lambda: desk.blocks.set(block=False, actor=STRANGER),
    ):
        with pytest.raises(Refused):
            act()
