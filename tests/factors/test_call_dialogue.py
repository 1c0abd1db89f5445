"""The conversation of a call: a table of what is pressed and what it comes to; and that only a yes is one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.channels.spoken import Until
from idp.factors.call import dialogue
from idp.factors.call.dialogue import Mode, Stage, Talk, Turn
from idp.factors.elsewhere import Said

PIN = "2580"


def talk(mode: Mode, *presses: str, setting_up: bool = False) -> Turn:
    """Return the last turn of a call in which these keys were pressed, "" for silence."""
    turn = dialogue.begin(Talk(mode=mode, language="en", setting_up=setting_up))
    for keys in presses:
        turn = dialogue.hear(turn.talk, keys, pin_right=lambda typed: typed == PIN)
    return turn


def test_a_call_says_what_it_is_for() -> None:
    for made, about in (
        (Talk(mode=Mode.KEY, language="en"), "signs in to"),
        (Talk(mode=Mode.KEY, language="en", resetting=True), "choose a new password"),
        (Talk(mode=Mode.KEY, language="en", setting_up=True), "setting up this phone"),
    ):
        assert about in " ".join(dialogue.begin(made).sentences)


@pytest.mark.parametrize(
    ("mode", "presses", "said"),
    [
        (Mode.KEY, ["#"], Said.APPROVED),
        (Mode.KEY, ["5", "#"], Said.APPROVED),
        (Mode.KEY, ["", "#"], Said.APPROVED),
        (Mode.KEY, ["5", "7", "#"], Said.APPROVED),
        (Mode.KEY, [""], Said.NOTHING),
        (Mode.KEY, ["", "", ""], Said.NO_DIGITS),
        (Mode.KEY, ["1", "2", "3"], Said.NO_DIGITS),
        (Mode.KEY, ["##"], Said.NOTHING),
        (Mode.KEY, ["0"], Said.NOTHING),
        (Mode.KEY, ["0", "#"], Said.NOTHING),
        (Mode.KEY, ["0", "#", "1"], Said.FRAUD),
        (Mode.KEY, ["0", "1"], Said.FRAUD),
        (Mode.KEY, ["0", "#", "#", "#"], Said.DENIED),
        (Mode.KEY, ["0", "", "", ""], Said.DENIED),
        (Mode.KEY, ["", "0", "1"], Said.FRAUD),
        (Mode.PIN, [PIN], Said.APPROVED),
        (Mode.PIN, ["1111", PIN], Said.APPROVED),
        (Mode.PIN, ["1111", "2222", "3333"], Said.WRONG_PIN),
        (Mode.PIN, ["", "", ""], Said.NO_DIGITS),
        (Mode.PIN, ["#"], Said.NOTHING),
        (Mode.PIN, ["0"], Said.NOTHING),
        (Mode.PIN, ["0", "1"], Said.FRAUD),
        (Mode.PIN, ["0", PIN], Said.NOTHING),
        (Mode.PIN, ["٢٥٨٠"], Said.NOTHING),
        (Mode.CODE, ["1"], Said.NOTHING),
        (Mode.CODE, ["#"], Said.NOTHING),
        (Mode.CODE, ["0", "1"], Said.FRAUD),
        (Mode.CODE, ["", "", ""], Said.NO_DIGITS),
    ],
)
def test_what_keys_come_to(mode: Mode, presses: list[str], said: Said) -> None:
    turn = talk(mode, *presses)
    assert turn.said is said
    assert (turn.until is None) is (said is not Said.NOTHING or turn.talk.stage is Stage.OVER)


def test_a_code_is_read_out_to_whoever_presses_one_and_to_no_voice_box() -> None:
    assert "%(code)s" not in "".join(talk(Mode.CODE).sentences)
    assert "%(code)s" not in "".join(talk(Mode.CODE, "", "").sentences)
    turn = talk(Mode.CODE, "1")
    assert sum("%(code)s" in sentence for sentence in turn.sentences) == 3
    assert turn.until is None
    assert talk(Mode.CODE, "1", "#").said is Said.NOTHING


def test_what_is_waited_for() -> None:
    assert talk(Mode.KEY).until is Until.KEY
    assert talk(Mode.PIN).until is Until.HASH
    assert talk(Mode.PIN, "0").until is Until.KEY
    assert talk(Mode.CODE).until is Until.KEY


def test_setting_up_asks_nobody_whether_it_was_somebody_else() -> None:
    assert talk(Mode.KEY, "0", setting_up=True).talk.stage is Stage.GREETING
    assert talk(Mode.KEY, "#", setting_up=True).said is Said.APPROVED


KEYS = st.one_of(st.just(""), st.sampled_from("0123456789*#"), st.text(max_size=12))


@given(st.sampled_from(Mode), st.lists(KEYS, max_size=8), st.booleans())
def test_silence_and_whoever_pressed_zero_never_say_yes(
    mode: Mode,
    presses: list[str],
    setting_up: bool,
) -> None:
    turn = dialogue.begin(Talk(mode=mode, language="en", setting_up=setting_up))
    for keys in presses:
        before = turn.talk
        turn = dialogue.hear(before, keys, pin_right=lambda typed: typed == PIN)
        if turn.said is Said.APPROVED:
            assert keys == {Mode.KEY: "#", Mode.PIN: PIN}.get(mode)
            assert before.stage is Stage.GREETING
        if turn.until is None:
            assert turn.talk.stage is Stage.OVER
            over = dialogue.hear(turn.talk, "#", pin_right=lambda _: True)
            assert (over.said, over.until) == (Said.NOTHING, None)
            return
    assert replace(turn.talk, tries=0).tries == 0
