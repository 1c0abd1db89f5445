"""The demo phone's calls: it takes them as Twilio's interface would, and rings on a page.

Somebody picks up, reads what is said, and presses keys; each is signed and sent to the provider.
"""

from __future__ import annotations

import hmac
import threading
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4
from xml.etree import ElementTree as ET

import requests
from flask import Flask, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

_MOST = 10
_SECONDS = 5
ACCOUNT = "AC" + "0" * 32


@dataclass(kw_only=True)
class Ring:
    """A call: state is "ringing", "talking" or "over"; said is what was heard last."""

    id: str
    number: str
    extension: str
    talk: str
    ended: str
    state: str = "ringing"
    said: tuple[str, ...] = ()
    pin: bool = False


class Switchboard:
    """Any number's calls; only addresses of the provider are asked."""

    def __init__(self, *, provider: str, secret: str) -> None:
        self._provider = provider
        self._secret = secret
        self._rings: OrderedDict[str, Ring] = OrderedDict()
        self._lock = threading.Lock()

    def install(self, site: Flask) -> None:
        """Add the addresses that the provider and the page call."""
        site.add_url_rule(f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json", "call", self._take, methods=["POST"])
        site.add_url_rule("/calls/<ring_id>", "press", self._press, methods=["POST"])

    def rings(self) -> list[Ring]:
        """Return the calls that are not over, and the last, newest first."""
        with self._lock:
            newest_first = list(reversed(self._rings.values()))
        return [ring for place, ring in enumerate(newest_first) if place == 0 or ring.state != "over"]

    def _take(self) -> ResponseReturnValue:
        given = request.authorization
        right = given is not None and hmac.compare_digest(
            str(given.password or "").encode(), self._secret.encode()
        )
        talk, ended = request.form.get("Url", ""), request.form.get("StatusCallback", "")
        if not right or not all(place.startswith(self._provider + "/") for place in (talk, ended)):
            return jsonify(code=20003, message="Authenticate"), 401
        extension = request.form.get("SendDigits", "").lstrip("w")
        ring = Ring(id=uuid4().hex, number=request.form["To"], extension=extension, talk=talk, ended=ended)
        with self._lock:
            self._rings[ring.id] = ring
            while len(self._rings) > _MOST:
                self._rings.popitem(last=False)
        return jsonify(sid="CA" + ring.id, status="queued"), 201

    def _press(self, ring_id: str) -> ResponseReturnValue:
        with self._lock:
            ring = self._rings.get(ring_id)
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            return "Only this page presses keys.", 403
        act, keys = request.form.get("act", ""), request.form.get("keys", "")
        if ring is None or ring.state == "over":
            return redirect(url_for("home"), 303)
        if act == "pick-up":
            self._said(ring, {"CallStatus": "in-progress", "AnsweredBy": "human"})
        elif act == "hang-up":
            status = "completed" if ring.state == "talking" else "busy"
            ring.state = "over"
            self._ask(ring, ring.ended, {"CallStatus": status})
        elif ring.state == "talking":
            self._said(ring, {"CallStatus": "in-progress", "Digits": keys})
        return redirect(url_for("home"), 303)

    def _said(self, ring: Ring, posted: Mapping[str, str]) -> None:
        twiml = self._ask(ring, ring.talk, posted)
        try:
            # It comes from our own provider, on this machine.
            response = ET.fromstring(twiml)  # noqa: S314
        except ET.ParseError:
            ring.state, ring.said = "over", ("The line went dead.",)
            return
        gather = response.find("Gather")
        ring.said = tuple(say.text or "" for say in response.iter("Say"))
        ring.state = "over" if gather is None else "talking"
        ring.pin = gather is not None and gather.get("finishOnKey") == "#"

    def _ask(self, ring: Ring, address: str, posted: Mapping[str, str]) -> str:
        form = {"CallSid": "CA" + ring.id, "To": ring.number, **posted}
        data = address + "".join(name + form[name] for name in sorted(form))
        signed = b64encode(hmac.digest(self._secret.encode(), data.encode(), "sha1")).decode()
        with suppress(requests.RequestException):
            headers = {"X-Twilio-Signature": signed}
            return requests.post(address, data=form, headers=headers, timeout=_SECONDS).text
        return ""
