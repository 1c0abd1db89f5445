"""The conformance suite of carriers of texts: HTTP gateways of three kinds, and Twilio."""

from __future__ import annotations

import socket

import pytest

from idp.core.ports import Parcel, Taken
from idp.net import Bounds
from tests.channels.carrying import CASES, PARCEL, Case, silent
from tests.channels.conftest import CODE, NUMBER, SECRET
from tests.net.servers import authority, says, serving

pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch) -> None:
    for room in ("gateway", "twilio"):
        monkeypatch.setattr(f"idp.channels.{room}.BOUNDS", Bounds(seconds=1, size=64 * 1024))


def sent(case: Case, talk, parcel: Parcel = PARCEL):
    with serving(talk) as server:
        handover = case.make(f"http://127.0.0.1:{server.port}").send(parcel)
    assert len(server.requests) == 1
    assert SECRET not in repr(handover)
    assert NUMBER not in repr(handover)
    return handover, server.requests[0]


def test_a_message_that_is_taken(case):
    handover, request = sent(case, case.good)
    assert handover.taken is Taken.YES
    assert case.read(request) == (NUMBER, CODE)


@pytest.mark.parametrize(
    "text",
    [
        '"}, {"to": "+1900',
        "a&to=+1900#b",
        "line\r\nTo: x\r\n\r\n",
        "{secret} {number}",
        "%2B1900",
        "رمز ١٢٣ 🔑",
    ],
)
def test_a_text_is_only_a_text(case, text):
    handover, request = sent(case, case.good, Parcel(to=NUMBER, text=text, key="k", at=PARCEL.at))
    assert handover.taken is Taken.YES
    assert case.read(request) == (NUMBER, text)


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        ("400 Bad Request", Taken.NEVER),
        ("422 Unprocessable Content", Taken.NEVER),
        ("401 Unauthorized", Taken.NOT_NOW),
        ("404 Not Found", Taken.NOT_NOW),
        ("429 Too Many Requests", Taken.NOT_NOW),
        ("503 Service Unavailable", Taken.NOT_NOW),
        ("500 Internal Server Error", Taken.PERHAPS),
        ("502 Bad Gateway", Taken.PERHAPS),
        ("504 Gateway Timeout", Taken.PERHAPS),
    ],
)
def test_what_another_status_means(case, status, taken):
    handover, _ = sent(case, says(b"no: +14255550123", status=status))
    assert (handover.taken, handover.reason) == (taken, f"HTTP {status[:3]}")


def test_a_redirect_is_not_followed(case):
    with serving(case.good) as other:
        onward = f"Location: http://127.0.0.1:{other.port}/\r\n"
        handover, _ = sent(case, says(status="307 Temporary Redirect", headers=onward))
    assert (handover.taken, other.requests) == (Taken.NOT_NOW, [])


def test_nobody_there(case):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    handover = case.make(f"http://127.0.0.1:{port}").send(PARCEL)
    assert (handover.taken, handover.reason) == (Taken.NOT_NOW, "unreachable")


def test_no_answer_in_time(case):
    handover, _ = sent(case, silent)
    assert (handover.taken, handover.reason) == (Taken.PERHAPS, "timeout")


def test_an_endless_answer(case):
    handover, _ = sent(case, says(b"x" * 100_000))
    assert (handover.taken, handover.reason) == (Taken.PERHAPS, "no answer")


def test_a_certificate_must_be_trusted(case):
    pem = authority().file.read_text()
    with serving(case.good, context=authority().context("127.0.0.1")) as server:
        base = f"https://127.0.0.1:{server.port}"
        refused = case.make(base).send(PARCEL)
        taken = case.make(base, authorities=pem).send(PARCEL)
    assert (refused.taken, refused.reason) == (Taken.NOT_NOW, "certificate")
    assert taken.taken is Taken.YES


def test_unencrypted_only_on_this_machine(case):
    handover = case.make("http://192.0.2.1").send(PARCEL)
    assert (handover.taken, handover.reason) == (Taken.NEVER, "address")
