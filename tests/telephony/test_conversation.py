"""A conversation with a phone and a provider that tests hold in hand: what counts, and when."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from idp.telephony import conversation
from idp.telephony.baresip import Baresip, Event, Trunk
from idp.telephony.conversation import Order, converse
from idp.telephony.speech import Speaker

GATHER = '<Response><Gather numDigits="1" finishOnKey="" timeout="1"><Say>Press</Say></Gather></Response>'
PIN = '<Response><Gather finishOnKey="#" timeout="1"><Say>PIN</Say></Gather></Response>'
BYE = "<Response><Say>Bye</Say><Hangup/></Response>"
UP = Event("CALL_ESTABLISHED", "")


class Phone:
    """Says what it was given; "play" stands for the moment in which something is played."""

    def __init__(self, *events: Event | str) -> None:
        self.left = list(events)
        self.told: list[str] = []

    def dial(self, number: str) -> None:
        self.told.append("dial " + number)

    def play(self, sound: Path) -> None:
        while self.left and self.left[0] == "play":
            self.left.pop(0)
            return

    def press(self, key: str) -> None:
        self.told.append("press " + key)

    def hang_up(self) -> None:
        self.told.append("hang up")

    def event(self, *, within: float) -> Event | None:
        if not self.left or isinstance(self.left[0], str):
            return None
        return self.left.pop(0)  # type: ignore[return-value]


class Silent(Speaker):
    """Makes no sound."""

    def say(self, sentences: object) -> tuple[Path, float]:
        return self._folder, 0.0


def key(pressed: str) -> Event:
    return Event("CALL_DTMF_START", pressed)


def talk(
    monkeypatch: pytest.MonkeyPatch, phone: Phone, *twiml: str, digits: str = ""
) -> tuple[str, list[Mapping[str, str]]]:
    posted, answers = [], list(twiml)

    def asked(_order: Order, _address: str, form: Mapping[str, str]) -> str:
        posted.append(form)
        return answers.pop(0)

    monkeypatch.setattr(conversation, "_ask", asked)
    order = Order(sid="CA1", number="+14255550123", digits=digits, rings=1, talk="t", ended="e", token="x")
    return converse(order, phone, Silent(Path())), posted  # type: ignore[arg-type]


def test_a_key_is_sent_on_and_the_last_word_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Phone(UP, "play", key("#"), "play")
    status, posted = talk(monkeypatch, phone, GATHER, BYE)
    assert status == "completed"
    assert [form.get("Digits") for form in posted] == [None, "#"]
    assert phone.told == ["dial +14255550123", "hang up"]


def test_what_was_pressed_before_the_greeting_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Phone(UP, key("#"), key("#"), "play", "play")
    _, posted = talk(monkeypatch, phone, GATHER, BYE)
    assert [form.get("Digits") for form in posted] == [None, ""]


def test_a_pin_ends_with_the_hash_and_half_of_one_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Phone(UP, "play", key("1"), key("2"), key("#"), "play", key("3"), "play")
    _, posted = talk(monkeypatch, phone, PIN, PIN, BYE)
    assert [form.get("Digits") for form in posted] == [None, "12", ""]


@pytest.mark.parametrize(
    ("why", "status"),
    [("486 Busy Here", "busy"), ("480 Temporarily Unavailable", "no-answer"), ("404 Not Found", "failed")],
)
def test_why_nobody_was_reached(monkeypatch: pytest.MonkeyPatch, why: str, status: str) -> None:
    assert talk(monkeypatch, Phone(Event("CALL_CLOSED", why)))[0] == status


def test_a_line_that_goes_dead_sends_nothing_on(monkeypatch: pytest.MonkeyPatch) -> None:
    status, posted = talk(monkeypatch, Phone(UP, "play", Event("CALL_CLOSED", "")), GATHER)
    assert (status, len(posted)) == ("completed", 1)


def test_events_of_other_calls_are_not_ours(tmp_path: Path) -> None:
    phone = Baresip(Trunk(address="sip:{number}@x", caller="sip:a@x"), tmp_path, tmp_path)
    said = [
        {"id": "theirs", "direction": "incoming", "type": "CALL_INCOMING"},
        {"id": "ours", "direction": "outgoing", "type": "CALL_RINGING"},
        {"id": "theirs", "direction": "incoming", "type": "CALL_ESTABLISHED"},
        {"id": "ours", "direction": "outgoing", "type": "CALL_ESTABLISHED"},
        {"id": "other", "direction": "outgoing", "type": "CALL_CLOSED"},
        {"type": "CALL_DTMF_START"},
    ]
    assert [one["type"] for one in said if phone._is_ours(one)] == ["CALL_RINGING", "CALL_ESTABLISHED"]
