"""Twilio's own ways: the signature by its published examples, what it is asked, its error codes."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from idp.channels.twilio import Twilio, TwilioSettings, signature
from idp.core.errors import Refused
from idp.core.ports import Callback, Receipt, Taken
from tests.channels.carrying import ACCOUNT, PARCEL
from tests.channels.conftest import SECRET
from tests.net.servers import says, serving

ADDRESS = "https://mycompany.com/myapp.php?foo=1&bar=2"


def _call(number: str) -> dict[str, str]:
    return {
        "CallSid": "CA1234567890ABCDE",
        "Caller": number,
        "Digits": "1234",
        "From": number,
        "To": "+18005551212",
    }


@pytest.mark.parametrize(
    ("number", "published"),
    [
        ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("+14158675310", "GvWf1cFY/Q7PnoempGyD5oXAezc="),
    ],
)
def test_the_published_examples(number, published):
    assert signature("12345", ADDRESS, _call(number)) == published


def carrier(base: str, sender: str = "+15005550006") -> Twilio:
    return Twilio("t", TwilioSettings(account=ACCOUNT, sender=sender, api=base), SECRET)


@pytest.mark.parametrize("spelled", ["https://login.example.org", "https://login.example.org:443"])
def test_it_signs_with_the_port_or_without(spelled):
    for known in ("https://login.example.org", "https://login.example.org:443"):
        fields = {"MessageStatus": "delivered"}
        headers = {"x-twilio-signature": signature(SECRET, f"{spelled}/r?x=1", fields)}
        call = Callback(address=f"{known}/r?x=1", query={}, posted=fields, headers=headers)
        assert carrier("https://api.example").receipt(call) == Receipt(arrived=True)


@pytest.mark.parametrize(
    ("sender", "field"), [("+15005550006", "From"), ("MG" + "a" * 32, "MessagingServiceSid")]
)
def test_what_it_is_asked(sender, field):
    with serving(says(b'{"sid": "SM1"}', status="201 Created")) as server:
        handover = carrier(f"http://127.0.0.1:{server.port}", sender).send(PARCEL)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert handover.reference == "SM1"
    assert head.startswith(f"POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1".encode())
    assert {name: value for name, [value] in parse_qs(body.decode()).items()} == {
        "To": PARCEL.to,
        field: sender,
        "Body": PARCEL.text,
        "StatusCallback": PARCEL.receipts,
    }


def test_an_address_that_it_cannot_reach_is_not_given():
    with serving(says(b'{"sid": "SM1"}', status="201 Created")) as server:
        parcel = replace(PARCEL, receipts="http://localhost:8000/r")
        carrier(f"http://127.0.0.1:{server.port}").send(parcel)
    assert b"StatusCallback" not in server.requests[0]


@pytest.mark.parametrize(
    ("status", "body", "taken", "reason"),
    [
        ("400 Bad Request", b'{"code": 21211, "message": "invalid +1425"}', Taken.NEVER, "Twilio 21211"),
        ("401 Unauthorized", b'{"code": 20003}', Taken.NOT_NOW, "Twilio 20003"),
        ("429 Too Many Requests", b'{"code": 20429}', Taken.NOT_NOW, "Twilio 20429"),
        ("400 Bad Request", b'{"code": "+14255550123"}', Taken.NEVER, "HTTP 400"),
        ("200 OK", b"{}", Taken.PERHAPS, ""),
    ],
)
def test_its_codes(status, body, taken, reason):
    with serving(says(body, status=status)) as server:
        handover = carrier(f"http://127.0.0.1:{server.port}").send(PARCEL)
    assert (handover.taken, handover.reason) == (taken, reason)


@pytest.mark.parametrize(
    "change",
    [
        {"account": "AC123"},
        {"account": f"{ACCOUNT}/../x"},
        {"sender": "+1425\r\nX: y"},
        {"sender": ""},
        {"api": "http://api.example.org"},
        {"api": "ftp://127.0.0.1"},
    ],
)
def test_settings_that_cannot_be_used(change):
    good = TwilioSettings(account=ACCOUNT, sender="Countersign")
    good.check(secret_given=True)
    with pytest.raises(Refused):
        replace(good, **change).check(secret_given=True)
    with pytest.raises(Refused):
        good.check(secret_given=False)
