"""The conversation of a call, as data: what is said, what is waited for, and what it comes to.

Pure, and the same for every carrier. Silence, a voice box and a pocket never say yes; whoever pressed
zero, since they did not start the sign-in, can't say yes any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from idp.channels.spoken import Until
from idp.factors.elsewhere import Said

_MOST_TRIES = 3


class Mode(StrEnum):
    """What people do in a call."""

    KEY = "key"  # press #
    PIN = "pin"  # type their PIN
    CODE = "code"  # hear a code, and type it on the page


class Stage(StrEnum):
    """How far a call has come."""

    GREETING = "greeting"
    REPORT = "report"  # zero was pressed: was it somebody else?
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A call under way.

    setting_up: the phone is being registered; resetting: it is for a new password; greeted: it was picked
    up; wrong: a PIN that is not theirs was typed; spent is what a yes gives back.
    """

    mode: Mode
    language: str
    setting_up: bool = False
    resetting: bool = False
    greeted: bool = False
    stage: Stage = Stage.GREETING
    tries: int = 0
    wrong: bool = False
    spent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What comes next: sentences (with %(service)s, %(application)s, %(code)s), and what is waited for.

    until None ends the call. said is what the call has come to, NOTHING while it is open.
    """

    talk: Talk
    sentences: tuple[str, ...]
    until: Until | None = None
    said: Said = Said.NOTHING


GREETING = "Hello. This is %(service)s."
_SETTING_UP = "You are setting up this phone for your sign-in."
_ASKED = "Somebody signs in to %(application)s with your password."
_ASKED_TO_RESET = "Somebody wants to choose a new password for your account at %(service)s."
_PRESS = "If it is you, press the hash key. If it is not you, press zero."
_PRESS_TO_SET_UP = "Press the hash key to go on."
_PIN = (
    "If it is you, type your PIN, and then the hash key. If it is not you, press zero, and then the hash key."
)
_PIN_TO_SET_UP = "Type the PIN that you have chosen, and then the hash key."
_LISTEN = "To hear your code, press one. If it is not you, press zero."
_CODE = "Your code is: %(code)s."
_AGAIN = "Once more: %(code)s."
_NOT_RIGHT = "That was not right."
_NOTHING_PRESSED = "Nothing was pressed."
_WHO = (
    "To report that somebody else tried to sign in, and to block your account, press one. Otherwise hang up."
)
_REPORTED = "Thank you. Nobody was let in. Call whoever helps you with your account."
_DENIED = "Nobody was let in. Goodbye."
_THANKS = "Thank you. You can go on where you are signing in. Goodbye."
_TYPE_IT = "Type it on the page where you are signing in. Goodbye."
OVER = "This call is over. Goodbye."


def begin(talk: Talk) -> Turn:
    """Return the first turn: who calls, why, and what may be pressed."""
    asked = _ASKED_TO_RESET if talk.resetting else _ASKED
    about = _SETTING_UP if talk.setting_up else asked
    talk = replace(talk, greeted=True)
    return Turn(talk=talk, sentences=(GREETING, about, *_prompt(talk)), until=_until(talk))


def hear(talk: Talk, keys: str, *, pin_right: Callable[[str], bool]) -> Turn:
    """Return what comes of the keys that were pressed, "" for none."""
    if talk.stage is Stage.OVER:
        return _end(talk, OVER)
    if talk.stage is Stage.REPORT:
        return _reported(talk, keys)
    if keys == "0" and not talk.setting_up:
        return Turn(talk=replace(talk, stage=Stage.REPORT, tries=0), sentences=(_WHO,), until=Until.KEY)
    if _yes(talk, keys, pin_right):
        return _end(talk, _THANKS, said=Said.APPROVED)
    if talk.mode is Mode.CODE and keys == "1":
        # The page waits for the code; nothing is said yet.
        return _end(talk, _CODE, _AGAIN, _AGAIN, _TYPE_IT)
    return _retried(talk, keys)


def hung_up(talk: Talk) -> Said:
    """Return what a call has come to whose line went dead: zero was a no, and a wrong PIN was a try."""
    if talk.stage is Stage.REPORT:
        return Said.DENIED
    return Said.WRONG_PIN if talk.wrong else Said.HUNG_UP


def _yes(talk: Talk, keys: str, pin_right: Callable[[str], bool]) -> bool:
    match talk.mode:
        case Mode.KEY:
            return keys == "#"
        case Mode.PIN:
            return keys.isascii() and keys.isdigit() and pin_right(keys)
        case Mode.CODE:
            return False


def _reported(talk: Talk, keys: str) -> Turn:
    if keys == "1":
        return _end(talk, _REPORTED, said=Said.FRAUD)
    # The hash that people are used to press after the zero is no answer.
    tried = replace(talk, tries=talk.tries + 1)
    if tried.tries >= _MOST_TRIES:
        return _end(talk, _DENIED, said=Said.DENIED)
    return Turn(talk=tried, sentences=(_WHO,), until=Until.KEY)


def _retried(talk: Talk, keys: str) -> Turn:
    wrong = talk.wrong or (talk.mode is Mode.PIN and keys != "")
    tried = replace(talk, tries=talk.tries + 1, wrong=wrong)
    if tried.tries >= _MOST_TRIES:
        return _end(tried, _DENIED, said=Said.WRONG_PIN if wrong else Said.NO_DIGITS)
    why = _NOT_RIGHT if keys else _NOTHING_PRESSED
    return Turn(talk=tried, sentences=(why, *_prompt(talk)), until=_until(talk))


def _end(talk: Talk, *sentences: str, said: Said = Said.NOTHING) -> Turn:
    return Turn(talk=replace(talk, stage=Stage.OVER), sentences=sentences, said=said)


def _prompt(talk: Talk) -> tuple[str, ...]:
    match talk.mode:
        case Mode.KEY:
            return (_PRESS_TO_SET_UP if talk.setting_up else _PRESS,)
        case Mode.PIN:
            return (_PIN_TO_SET_UP if talk.setting_up else _PIN,)
        case Mode.CODE:
            return (_LISTEN,)


def _until(talk: Talk) -> Until:
    return Until.HASH if talk.mode is Mode.PIN else Until.KEY
