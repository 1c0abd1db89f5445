"""Calls by Twilio: what it is asked, the TwiML that it reads, and callbacks by its own validator."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

import pytest
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Gather, VoiceResponse

from idp.channels.spoken import Ended, Heard, Spoken, Until
from idp.channels.twilio_voice import TwilioVoice, TwilioVoiceSettings
from idp.core.errors import Refused
from idp.core.ports import Callback, Taken
from tests.channels.carrying import ACCOUNT, PARCEL
from tests.channels.conftest import SECRET
from tests.net.servers import says, serving

TALK = "https://login.example.org/channels/calls/voice/s3cret"
SETTINGS = TwilioVoiceSettings(account=ACCOUNT, caller="+14255550100")


def voice(**changes: str) -> TwilioVoice:
    return TwilioVoice("voice", replace(SETTINGS, **changes), SECRET)


def call(posted: dict[str, str], *, address: str = TALK, token: str = SECRET) -> Callback:
    """Return a callback as Twilio's own library signs it."""
    signed = RequestValidator(token).compute_signature(address, posted)
    return Callback(address=address, query={}, posted=posted, headers={"x-twilio-signature": signed})


def test_a_call_is_made_and_may_have_an_extension() -> None:
    with serving(says(b'{"sid": "CA1"}', status="201 Created")) as api:
        carrier = voice(api=f"http://127.0.0.1:{api.port}")
        plain = carrier.send(replace(PARCEL, to="+14255550123", receipts=TALK))
        carrier.send(replace(PARCEL, to="+14255550123;ext=42", receipts=TALK))
    assert (plain.taken, plain.reference) == (Taken.YES, "CA1")
    first, second = (parse_qs(request.partition(b"\r\n\r\n")[2].decode()) for request in api.requests)
    assert api.requests[0].startswith(f"POST /2010-04-01/Accounts/{ACCOUNT}/Calls.json ".encode())
    assert first["To"] == ["+14255550123"]
    assert first["From"] == ["+14255550100"]
    assert first["Url"] == [TALK]
    assert first["StatusCallback"] == [TALK + "/ended"]
    assert first["MachineDetection"] == ["Enable"]
    assert "SendDigits" not in first
    assert second["To"] == ["+14255550123"]
    assert second["SendDigits"] == ["wwww42"]


def test_twiml_is_what_twilios_library_would_write() -> None:
    spoken = Spoken(language="en", sentences=("Hello & welcome.", "Press <hash>."), until=Until.KEY)
    theirs = VoiceResponse()
    gather = Gather(
        input="dtmf", timeout=8, action_on_empty_result=True, method="POST", finish_on_key="", num_digits=1
    )
    gather.say("Hello & welcome.", language="en-US")
    gather.say("Press <hash>.", language="en-US")
    theirs.append(gather)
    assert shape(voice().render(spoken)) == shape(str(theirs))


def test_pins_end_with_the_hash_and_the_last_word_hangs_up() -> None:
    pin = ET.fromstring(voice().render(Spoken(language="ar", sentences=("x",), until=Until.HASH)))
    assert pin.find("Gather").attrib["finishOnKey"] == "#"  # type: ignore[union-attr]
    assert "numDigits" not in pin.find("Gather").attrib  # type: ignore[union-attr]
    assert pin.find("Gather/Say").attrib["language"] == "arb"  # type: ignore[union-attr]
    last = ET.fromstring(voice().render(Spoken(language="en", sentences=("Goodbye.",))))
    assert [part.tag for part in last] == ["Say", "Hangup"]


def shape(twiml: str) -> object:
    def of(node: ET.Element) -> object:
        return node.tag, dict(node.attrib), node.text or "", [of(child) for child in node]

    return of(ET.fromstring(twiml))


@pytest.mark.parametrize(
    ("posted", "heard"),
    [
        ({"CallStatus": "in-progress"}, Heard()),
        ({"CallStatus": "in-progress", "Digits": "#"}, Heard(keys="#")),
        ({"CallStatus": "in-progress", "Digits": ""}, Heard()),
        ({"CallStatus": "in-progress", "AnsweredBy": "human"}, Heard()),
        ({"CallStatus": "in-progress", "AnsweredBy": "machine_start"}, Heard(machine=True)),
        ({"CallStatus": "in-progress", "AnsweredBy": "fax", "Digits": "#"}, Heard(machine=True)),
        ({"CallStatus": "busy"}, Heard(ended=Ended.BUSY)),
        ({"CallStatus": "no-answer"}, Heard(ended=Ended.NO_ANSWER)),
        ({"CallStatus": "failed"}, Heard(ended=Ended.UNREACHABLE)),
        ({"CallStatus": "completed"}, Heard(ended=Ended.HUNG_UP)),
        ({}, Heard()),
    ],
)
def test_what_it_says(posted: dict[str, str], heard: Heard) -> None:
    assert voice().heard(call({"CallSid": "CA1", **posted})) == heard


def test_only_its_own_signature_over_our_public_address_counts() -> None:
    posted = {"CallSid": "CA1", "Digits": "#"}
    assert voice().heard(call(posted)).keys == "#"
    unsigned = Callback(address=TALK, query={}, posted=posted, headers={})
    for wrong in (
        unsigned,
        call(posted, token="another"),
        replace(call(posted, address=TALK + "x"), address=TALK),
        replace(call(posted, address="http://127.0.0.1:8000/channels/calls/voice/s3cret"), address=TALK),
        replace(call(posted), posted={**posted, "Digits": "1"}),
        replace(call({"CallSid": "CA1"}), posted=posted),
    ):
        with pytest.raises(Refused):
            voice().heard(wrong)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account": "AC1"}, "An account at Twilio"),
        ({"caller": "Countersign"}, "The caller is a number"),
        ({"api": "http://example.org"}, "https"),
        ({"authorities": "x"}, "certificates"),
    ],
)
def test_settings_are_read_strictly(changes: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        replace(SETTINGS, **changes).check(secret_given=True)
    with pytest.raises(Refused, match="secret is missing"):
        SETTINGS.check(secret_given=False)
