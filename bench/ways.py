"""Sign in by the other ways, each set up at /me as a person would: passkey and phone app, in software."""

from __future__ import annotations

import json
import re
import time
from base64 import b32decode
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from http.client import HTTPConnection
from typing import Any

import pyotp
import server
from visitor import Visitor

from tests.passkeys import SoftKey
from tests.phones import SoftPhone

_ME = "/me"
_OPTIONS = re.compile(r'data-options="([^"]*)"')
_CODE = re.compile(r'id="setup-code"[^>]*>([^<]*)<')
_NUMBER = re.compile(r"<b>(\d\d)</b>")


class Ways(Visitor):
    """A person who has a passkey, or a phone with the app, besides the codes."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._port = port
        self._calls = HTTPConnection("127.0.0.1", port, timeout=30)
        self.phone = SoftPhone(post=self._call, now=lambda: datetime.now(UTC), origin=self._base)
        self.key = SoftKey(origin=self._base)

    def add(self, name: str, factor: str, *, code_at: int) -> None:
        """Set a way up at /me."""
        self._browser.forget()
        place, _ = self._browser.ask(_ME, status=303)
        self._fill(place, status=303, username=name, password=server.PASSWORD)
        self._fill(place, status=200, code=pyotp.TOTP(server.SEED).at(code_at * 30))
        place, _ = self._browser.ask(_ME + "/add", status=303, form={"factor": factor, "method": ""})
        _, page = self._browser.ask(place, status=200)
        if factor == "passkey":
            credential = self.key.make(unescape(_found(_OPTIONS, page)))
            self._sent(place + "/enrol", factor, status=200, credential=credential, label="bench")
            return
        said = self.phone.connect(_found(_CODE, page))
        if said["status"] != 200 or len(b32decode(said["seed"] + "=" * (-len(said["seed"]) % 8))) != 20:
            raise RuntimeError(said)
        self._sent(place + "/enrol", factor, status=303)
        _, page = self._browser.ask(place, status=200)
        self.phone.approve(_found(_NUMBER, page))
        self._sent(place + "/enrol", factor, status=200)

    def by_passkey(self, name: str) -> None:
        """Sign in from nothing with a passkey alone, to the SAML application's answer."""
        self._browser.forget()
        place, _ = self._browser.ask(self._authn_request("both"), status=303)
        _, page = self._browser.ask(place, status=200)
        self._sent(place, "passkey", status=200, credential=self.key.show(unescape(_found(_OPTIONS, page))))

    def by_phone(self, name: str) -> None:
        """Sign in from nothing with password and number, to the SAML application's answer."""
        place = self.to_number(name)
        _, page = self._browser.ask(place, status=200)
        if self.phone.approve(_found(_NUMBER, page)) != "approved":
            raise RuntimeError("not approved")
        if self.outcome(place)["state"] != "settled":
            raise RuntimeError("not settled")
        self._sent(place, "push", status=200)

    def to_number(self, name: str) -> str:
        """Come as far as the page that shows a number; return its address."""
        self._browser.forget()
        place, _ = self._browser.ask(self._authn_request("both"), status=303)
        self._fill(place, status=303, username=name, password=server.PASSWORD)
        return place

    def outcome(self, place: str) -> Mapping[str, Any]:
        """Look as a page that waits does."""
        said: Mapping[str, Any] = json.loads(self._browser.ask(place + "/outcome", status=200)[1])
        return said

    def _sent(self, address: str, factor: str, *, status: int, **typed: str) -> str:
        form = {"factor": factor, "method": "", **typed}
        return self._browser.ask(address, status=status, form=form)[1]

    def _call(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/jose", "Sec-Fetch-Site": "same-origin"}
        for attempt in range(2):
            try:
                self._calls.request("POST", path, body, headers)
                answer = self._calls.getresponse()
                return answer.status, json.loads(answer.read() or b"{}")
            except OSError:
                # It rested for too long, and was closed.
                self._calls.close()
                if attempt:
                    raise
                time.sleep(0.01)
        raise RuntimeError(path)


def _found(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    if found is None:
        raise RuntimeError(page[:3000])
    return found[1]
