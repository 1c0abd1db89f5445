"""Calls by SIP between two baresips: a sign-in to `idp serve`, with a prompt that is heard and keys."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.telephony.baresip import Trunk
from idp.telephony.server import ACCOUNT, SipGateway
from tests.peers import require
from tests.telephony.callee import NUMBER, Callee
from tests.walks.browser import Browser
from tests.walks.server import Server

TOKEN = "a token of the gateway's own"


real = pytest.mark.skipif(not os.environ.get("COUNTERSIGN_LONG"), reason="`make check` does it")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    for program in ("baresip", "espeak-ng", "sox"):
        require(program)
    running = Server(tmp_path_factory.mktemp("sip") / "var", IDP_TRUSTED_PROXIES="127.0.0.1")
    running.client("wiki")
    running.start()
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log()


def gateway(server: Server, callee: Callee) -> SipGateway:
    """Run a gateway whose trunk is the callee, and have the server ask it."""
    trunk = Trunk(address=f"sip:{{number}}@127.0.0.1:{callee.sip}", caller="sip:countersign@127.0.0.1")
    running = SipGateway(trunk=trunk, provider=server.base, token=TOKEN, port=0)
    threading.Thread(target=running.serve, daemon=True).start()
    server.idp(
        *("channel", "add-twilio-voice", "sip", "--account", ACCOUNT, "--from", "+14255550100"),
        *("--api", f"http://127.0.0.1:{running.port}", "--secret-stdin"),
        given=TOKEN + "\n",
    )
    server.settle()
    return running


def outcome(browser: Browser) -> str:
    """Wait as the page does; return what it goes on with."""
    end = time.monotonic() + 40
    while (state := json.loads(browser.web.get(browser.address + "/outcome").text)["state"]) == "waiting":
        assert time.monotonic() < end
        time.sleep(0.2)
    return str(state)


@real
def test_a_call_over_our_own_telephones_signs_in(server: Server, tmp_path: Path) -> None:
    person = server.someone(app=False)
    server.idp("method", "add", person.name, "call", NUMBER)
    callee = Callee(tmp_path / "callee")
    running = gateway(server, callee)
    try:
        with Browser(server.base) as browser:
            browser.authorize("wiki").password(person)
            assert browser.heading == "We are calling you"
            callee.wait_for("CALL_ESTABLISHED")
            time.sleep(2)
            callee.tell("sndcode", "5")
            time.sleep(2)
            callee.tell("sndcode", "#")
            assert outcome(browser) == "settled"
            assert browser.submit().issued
            callee.wait_for("CALL_CLOSED")
        assert callee.loudness() > 0.01, "the prompt was heard"
    finally:
        running.close()
        callee.stop()


@real
def test_who_is_busy_or_does_not_pick_up_signs_nobody_in(server: Server, tmp_path: Path) -> None:
    person = server.someone(app=False)
    server.idp("method", "add", person.name, "call", NUMBER)
    callee = Callee(tmp_path / "callee", picks_up=False)
    running = gateway(server, callee)
    try:
        with Browser(server.base) as browser:
            browser.authorize("wiki").password(person)
            callee.wait_for("CALL_INCOMING")
            callee.tell("hangup")
            assert outcome(browser) == "settled"
            assert not browser.submit().issued
            assert browser.problem in {
                "The line was busy. Have us call again.",
                "Nobody picked up. Have us call again.",
            }
    finally:
        running.close()
        callee.stop()


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"Url": "http://evil.example/x"}, 400),
        ({"StatusCallback": "http://evil.example/x"}, 400),
        ({"To": "14255550123"}, 400),
        ({"To": "+1425555012\n3"}, 400),
        ({"To": "+1;x@evil"}, 400),
        ({"SendDigits": "w4;2"}, 400),
    ],
)
def test_the_gateway_calls_nobody_for_what_is_not_right(form: dict[str, str], status: int) -> None:
    trunk = Trunk(address="sip:{number}@127.0.0.1:9", caller="sip:a@127.0.0.1")
    running = SipGateway(trunk=trunk, provider="http://localhost:8000", token=TOKEN, port=0)
    good = {"Url": "http://localhost:8000/a", "StatusCallback": "http://localhost:8000/b", "To": NUMBER}
    threading.Thread(target=running.serve, daemon=True).start()
    try:
        assert running.take({**good, **form})[0] == status
        assert not running.allows("")
        assert not running.allows("Basic eDp5")
    finally:
        running.close()
