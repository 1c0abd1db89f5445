"""Phone: receives text messages as an HTTP gateway would, and shows them on a page."""

from __future__ import annotations

import argparse
import hmac
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import requests
from flask import Flask, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from idp.demo.site import make_site, run
from idp.demo.switchboard import Switchboard

_MOST = 50
_SECONDS = 5  # for telling the provider that a text arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A text that arrived."""

    number: str
    text: str
    at: datetime


class _Phone:
    """Any number's phone: texts by their idempotency key, so that one sent twice is shown once."""

    def __init__(self, *, provider: str, secret: str, switchboard: Switchboard) -> None:
        self._provider = provider
        self._switchboard = switchboard
        self._secret = secret
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._lock = threading.Lock()

    def home(self) -> ResponseReturnValue:
        with self._lock:
            newest_first = list(reversed(self._messages.values()))
        return render_template(
            "phone.html",
            messages=newest_first,
            rings=self._switchboard.rings(),
            app=self._provider + "/authenticator/",
        )

    def receive(self) -> ResponseReturnValue:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._secret}".encode()):
            return jsonify(status="refused"), 401
        sent = request.get_json()
        key = str(sent["key"])
        with self._lock:
            self._messages.setdefault(
                key, Message(number=str(sent["to"]), text=str(sent["text"]), at=datetime.now(UTC))
            )
            while len(self._messages) > _MOST:
                self._messages.popitem(last=False)
        answer: Response = jsonify(status="accepted", id=key)
        answer.call_on_close(lambda: self._report(str(sent.get("receipt", ""))))
        return answer, 202

    def _report(self, receipt: str) -> None:
        """Tell the provider that the text arrived, once it knows that we took it."""
        if receipt.startswith(self._provider + "/"):
            with suppress(requests.RequestException):
                requests.post(receipt, json={"status": "delivered"}, timeout=_SECONDS)


def make_app(*, provider: str, secret: str) -> Flask:
    """Return the phone; its pages are / and, for the provider, POST /messages.

    provider is the base address without a slash at the end; secret is what a gateway's client
    must show ("Authorization: Bearer ...").
    """
    site = make_site("Phone", protocol="HTTP text gateway", accent="amber", live=True)
    switchboard = Switchboard(provider=provider, secret=secret)
    phone = _Phone(provider=provider, secret=secret, switchboard=switchboard)
    site.add_url_rule("/", "home", phone.home)
    site.add_url_rule("/messages", "receive", phone.receive, methods=["POST"])
    switchboard.install(site)
    return site


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the phone; the gateway's secret comes from PHONE_SECRET, out of sight of `ps`."""
    parser = argparse.ArgumentParser(prog="phone", description=__doc__)
    parser.add_argument("--port", type=int, default=8003)
    parser.add_argument("--provider", default="http://localhost:8000", help="the provider's base address")
    given = parser.parse_args(arguments)
    secret = os.environ.get("PHONE_SECRET", "")
    if not secret:
        parser.error("PHONE_SECRET is not set")
    run(make_app(provider=given.provider.rstrip("/"), secret=secret), port=given.port)


if __name__ == "__main__":
    main()
