"""One call: dial, fetch what is to be said, say it, hear keys, send them on, until it ends.

What is fetched is TwiML: Gather with Say in it, or Say and Hangup. What is sent is what Twilio sends.
"""

from __future__ import annotations

import hmac
import re
import time
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.error import URLError
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from idp.telephony.baresip import Baresip
from idp.telephony.speech import NoSpeech, Speaker

_SECONDS = 10  # for an answer of the provider
_LARGEST = 64 * 1024
_LONGEST_CALL = 180.0
_MOST_DIGITS = 32
_BUSY = re.compile(r"\b(486|600)\b")
_NOBODY = re.compile(r"\b(408|480|487)\b")
# Nothing of the environment changes where a request goes.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A call that is wanted: talk and ended are the provider's addresses, token signs what goes there."""

    sid: str
    number: str
    digits: str  # pressed once it is picked up: w is half a second
    rings: float
    talk: str = field(repr=False)
    ended: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is to be said, each sentence with its language, and then: one key, digits to #, or the end."""

    sentences: tuple[tuple[str, str], ...]
    keys: bool
    until_hash: bool
    patience: float


def converse(order: Order, phone: Baresip, speaker: Speaker) -> str:
    """Make the call; return how it ended: completed, busy, no-answer or failed. Raises NoPhone, NoSpeech."""
    phone.dial(order.number)
    refused = _picked_up(phone, order.rings)
    if refused:
        return refused
    for key in order.digits:
        time.sleep(0.5)
        if key != "w":
            phone.press(key)
    end, posted = time.monotonic() + _LONGEST_CALL, {"CallStatus": "in-progress"}
    while time.monotonic() < end:
        turn = _read(_ask(order, order.talk, posted))
        sound, lasts = speaker.say(turn.sentences)
        if _went_dead(phone):
            return "completed"
        phone.play(sound)
        if not turn.keys:
            _rest(phone, lasts + 0.5)
            break
        pressed = _heard(phone, turn, lasts)
        if pressed is None:
            return "completed"
        posted = {"CallStatus": "in-progress", "Digits": pressed}
    phone.hang_up()
    return "completed"


def tell_end(order: Order, status: str) -> None:
    """Tell the provider how the call ended."""
    _ask(order, order.ended, {"CallStatus": status})


def _picked_up(phone: Baresip, rings: float) -> str:
    """Wait until somebody picks up; return "" then, else why not."""
    end = time.monotonic() + rings
    while (left := end - time.monotonic()) > 0:
        event = phone.event(within=left)
        if event is None:
            break
        if event.type == "CALL_ESTABLISHED":
            return ""
        if event.type == "CALL_CLOSED":
            busy, nobody = _BUSY.search(event.param), _NOBODY.search(event.param)
            return "busy" if busy else "no-answer" if nobody else "failed"
    phone.hang_up()
    return "no-answer"


def _went_dead(phone: Baresip) -> bool:
    """Say whether the line has gone dead; what was pressed before it was said what it means is dropped."""
    while (early := phone.event(within=0)) is not None:
        if early.type == "CALL_CLOSED":
            return True
    return False


def _heard(phone: Baresip, turn: Turn, lasts: float) -> str | None:
    """Return the keys that were pressed, "" for silence, None when the line went dead."""
    end, keys = time.monotonic() + lasts + turn.patience, ""
    while (left := end - time.monotonic()) > 0 and len(keys) < _MOST_DIGITS:
        event = phone.event(within=left)
        if event is None:
            break
        if event.type == "CALL_CLOSED":
            return None
        if event.type != "CALL_DTMF_START":
            continue
        if not turn.until_hash:
            return event.param[:1]
        if event.param == "#":
            return keys
        keys += event.param[:1]
        end = time.monotonic() + turn.patience
    # What was begun and not ended with the hash is nothing.
    return ""


def _rest(phone: Baresip, seconds: float) -> None:
    """Let it be heard to its end, unless the line goes dead."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        event = phone.event(within=left)
        if event is not None and event.type == "CALL_CLOSED":
            return


def _read(twiml: str) -> Turn:
    # It comes from the provider that the operator named; entities are refused by never resolving any.
    if "<!" in twiml:
        raise NoSpeech("the provider's answer is none that is said")
    try:
        response = ET.fromstring(twiml)  # noqa: S314 (from our own provider, and without a DOCTYPE)
    except ET.ParseError as error:
        raise NoSpeech("the provider's answer is none that is said") from error
    gather = response.find("Gather")
    said = [(say.get("language", "en"), say.text or "") for say in response.iter("Say")]
    return Turn(
        sentences=tuple(said),
        keys=gather is not None,
        until_hash=gather is not None and gather.get("finishOnKey") == "#",
        patience=float(gather.get("timeout", "5")) if gather is not None else 0,
    )


def _ask(order: Order, address: str, posted: Mapping[str, str]) -> str:
    form = {"CallSid": order.sid, "To": order.number, **posted}
    data = address + "".join(name + form[name] for name in sorted(form))
    signed = b64encode(hmac.digest(order.token.encode(), data.encode(), "sha1")).decode()
    request = urllib.request.Request(  # noqa: S310 (checked by the server)
        address, urlencode(form).encode(), {"X-Twilio-Signature": signed}
    )
    try:
        with _OPENER.open(request, timeout=_SECONDS) as answer:
            return str(answer.read(_LARGEST).decode())
    except (URLError, OSError, ValueError) as error:
        raise NoSpeech("the provider does not answer") from error
