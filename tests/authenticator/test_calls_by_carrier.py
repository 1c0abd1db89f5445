"""The addresses that a carrier of calls asks: signed by it over our public address, or nothing."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from idp.channels.carriers import SetUp
from idp.channels.twilio_voice import TwilioVoiceSettings
from idp.core.model import Actor, Role
from idp.jobs import Outbox
from idp.jobs.outbox import Outcome
from tests.admin.conftest import BASE, PASSWORD, Browser, Console

OWNER = Actor(kind="cli", id="test", roles=(Role.OWNER.value,))
TOKEN = "the account's token"


@pytest.fixture
def path(console: Console) -> str:
    """Give the address that a carrier was told for a call that Ada's sign-in has begun."""
    settings = TwilioVoiceSettings(account="AC" + "0" * 32, caller="+14255550100")
    console.desk.channels.save(SetUp(name="voice", settings=settings), TOKEN, actor=OWNER)
    console.desk.methods.add_call("ada", number="+14255550123", place="mobile", actor=OWNER)
    console.clock.advance(seconds=2)
    browser = console.browser()
    browser.open("/me")
    browser._answer(username="ada", password=PASSWORD)
    place = "/".join(browser.path.split("/")[:3])
    method = next(one.id for one in console.desk.methods.listing("ada", actor=OWNER) if one.factor == "call")
    browser.post(place + "/choose", {"factor": "call", "method": method})
    assert "We are calling you" in browser.text, browser.text
    console.signing = (browser, place, method)  # type: ignore[attr-defined]
    outbox = Outbox(console.store, console.sealer, console.clock)
    leased = outbox.lease(["call"])
    assert leased is not None
    secret = outbox.open(leased).payload["secret"]
    outbox.settle(leased, Outcome())
    return f"/channels/calls/voice/{secret}"


def post(console: Console, path: str, *, token: str = TOKEN, host: str = BASE, **posted: str) -> TestResponse:
    form = {"CallSid": "CA1", "CallStatus": "in-progress", **posted}
    signed = RequestValidator(token).compute_signature(BASE + path, form)
    headers = {"X-Twilio-Signature": signed, "Sec-Fetch-Site": "cross-site"}
    return console.app.test_client().post(path, base_url=host, data=form, headers=headers)


def go_on(console: Console) -> Browser:
    browser, place, method = console.signing  # type: ignore[attr-defined]
    signed_in: Browser = browser.post(place, {"factor": "call", "method": method})
    return signed_in


def test_a_dialogue_in_twiml_signs_in(console: Console, path: str) -> None:
    greeting = post(console, path)
    assert greeting.status_code == 200
    assert greeting.content_type.startswith("text/xml")
    gather = ET.fromstring(greeting.data).find("Gather")
    assert gather is not None
    assert (gather.attrib["finishOnKey"], gather.attrib["numDigits"]) == ("", "1")
    assert "press the hash key" in greeting.text
    assert "Nothing was pressed" in post(console, path, Digits="").text
    thanks = post(console, path, Digits="#")
    assert "Thank you" in thanks.text
    assert ET.fromstring(thanks.data).find("Hangup") is not None
    assert post(console, path + "/ended", CallStatus="completed").status_code == 204
    assert go_on(console).path == "/me"


def test_the_host_that_it_comes_by_does_not_matter(console: Console, path: str) -> None:
    assert post(console, path, host="http://10.0.0.1:8000").status_code == 200


@pytest.mark.parametrize("way", ["", "/ended"])
def test_what_the_carrier_did_not_sign_does_nothing(console: Console, path: str, way: str) -> None:
    post(console, path)
    client, form = console.app.test_client(), {"CallSid": "CA1", "Digits": "#", "CallStatus": "completed"}
    assert client.post(path + way, base_url=BASE, data=form).status_code == 404
    assert post(console, path + way, token="another", Digits="#").status_code == 404
    assert post(console, path.replace("/voice/", "/other/") + way, Digits="#").status_code == 404
    assert post(console, path[:-1] + "x" + way, Digits="#").status_code == 404
    assert client.post(path + way, base_url=BASE, data=b"\xff\xfe").status_code == 404
    assert client.get(path + way, base_url=BASE).status_code == 405
    assert "still under way" in go_on(console).text


def test_busy_is_told_on_the_page(console: Console, path: str) -> None:
    post(console, path + "/ended", CallStatus="busy")
    assert "The line was busy" in go_on(console).text


def test_a_voice_box_hears_nothing(console: Console, path: str) -> None:
    twiml = ET.fromstring(post(console, path, AnsweredBy="machine_start").data)
    assert [part.tag for part in twiml] == ["Hangup"]
    assert "voice box" in go_on(console).text
