"""What every carrier of texts must do, each against a server that behaves as its own would."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs

from idp.channels.gateway import HttpGateway, HttpSettings, Told
from idp.channels.twilio import Twilio, TwilioSettings
from idp.core.ports import Carrier, Parcel
from tests.channels.conftest import CODE, NUMBER, SECRET
from tests.net.servers import Talk, says

ACCOUNT = "AC" + "0" * 32
PARCEL = Parcel(
    to=NUMBER,
    text=CODE,
    key="i-delivery",
    receipts="https://login.example.org/channels/receipts/a/x",
    at=datetime(2026, 3, 1, 12, tzinfo=UTC),
)


@dataclass(frozen=True)
class Case:
    """How to make a carrier for a server's address, its good answer, and what it reads of a request."""

    name: str
    make: Callable[..., Carrier]
    good: Talk
    read: Callable[[bytes], tuple[str, str]]


def _json_gateway(base: str, **more: str) -> HttpGateway:
    settings = HttpSettings(
        url=f"{base}/send",
        headers={"Authorization": "Bearer {secret}"},
        json='{"to": "{number}", "text": "{text}", "flash": false}',
        accepted=Told(path="messages.0.status", words=("queued", "sent")),
        reference="messages.0.id",
        **more,
    )
    return HttpGateway("json", settings, SECRET)


def _form_gateway(base: str, **more: str) -> HttpGateway:
    form = {"to": "{number}", "text": "{text}"}
    return HttpGateway("form", HttpSettings(url=f"{base}/send", form=form, user="me", **more), SECRET)


def _get_gateway(base: str, **more: str) -> HttpGateway:
    url = f"{base}/cgi-bin/sendsms?username=me&password={{secret}}&to={{number}}&text={{text}}"
    return HttpGateway("get", HttpSettings(url=url, **more), SECRET)


def _twilio(base: str, **more: str) -> Twilio:
    return Twilio("twilio", TwilioSettings(account=ACCOUNT, sender="+15005550006", api=base, **more), SECRET)


def _fields(data: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(data, keep_blank_values=True).items()}


def _body(request: bytes) -> str:
    return request.partition(b"\r\n\r\n")[2].decode()


def _of_json(request: bytes) -> tuple[str, str]:
    sent = json.loads(_body(request))
    return sent["to"], sent["text"]


def _of_form(request: bytes) -> tuple[str, str]:
    sent = _fields(_body(request))
    return sent["to"], sent["text"]


def _of_query(request: bytes) -> tuple[str, str]:
    sent = _fields(request.split(b" ")[1].partition(b"?")[2].decode())
    return sent["to"], sent["text"]


def _of_twilio(request: bytes) -> tuple[str, str]:
    sent = _fields(_body(request))
    return sent["To"], sent["Body"]


CASES = (
    Case("json", _json_gateway, says(b'{"messages": [{"id": "m-1", "status": "queued"}]}'), _of_json),
    Case("form", _form_gateway, says(b"OK"), _of_form),
    Case("get", _get_gateway, says(b"0: Accepted for delivery", status="202 Accepted"), _of_query),
    Case("twilio", _twilio, says(b'{"sid": "SM1"}', status="201 Created"), _of_twilio),
)


def silent(_connection: socket.socket, _request: bytes) -> None:
    """Read the request and say nothing, for longer than anybody waits."""
    time.sleep(1.5)
