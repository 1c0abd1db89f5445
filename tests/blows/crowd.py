"""Many people who sign in at once, each again until it worked, and the phones that get their texts."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.net.servers import Served, says, serving
from tests.walks.applications import Python3Saml
from tests.walks.browser import Browser, Left
from tests.walks.server import Installation, Someone

_GIVES_UP = 15.0  # seconds without the text: then people begin again


class Phones:
    """Every number's phone, behind an HTTP gateway that hands all it gets to them."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.url = f"http://127.0.0.1:{served.port}/"

    def codes(self, number: str) -> list[str]:
        """Return the codes that came to a number, newest first."""
        mine = [text["text"] for text in self._texts() if text["to"] == number]
        return [text.rpartition("#")[2] for text in reversed(mine)]

    def times(self) -> Counter[str]:
        """Return how often each text arrived."""
        return Counter(text["key"] for text in self._texts())

    def _texts(self) -> Iterator[dict[str, str]]:
        for request in list(self._served.requests):
            # A worker that is killed may have sent a part.
            if body := request.partition(b"\r\n\r\n")[2]:
                yield json.loads(body)


def _takes_its_time(connection: socket.socket, request: bytes) -> None:
    time.sleep(0.05)
    says(b"OK")(connection, request)


@contextmanager
def phones(installation: Installation) -> Iterator[Phones]:
    """Set up a gateway for texts and give the phones behind it."""
    with serving(_takes_its_time) as served:
        body = json.dumps({"to": "{number}", "text": "{text}", "key": "{key}"})
        made = Phones(served)
        installation.idp("channel", "add-http", "phones", "--url", made.url, "--body", body)
        yield made


@dataclass
class Member:
    """One of the crowd: with a phone or an app, at an application of one protocol or the other."""

    person: Someone
    number: str  # "": an authenticator app
    saml: Python3Saml | None = None
    typed: list[str] = field(default_factory=list)
    answers: int = 0  # that an application got
    tokens: int = 0
    redeemed: Left | None = None  # with an authorization code
    tries: int = 0
    wrong: list[str] = field(default_factory=list)

    def sign_in(self, base: str, phones: Phones, end: float) -> None:
        """Begin again until it worked, as people and applications do."""
        while not self.tokens and time.monotonic() < end:
            self.tries += 1
            # Nobody is there, or goes in the middle of an answer.
            with suppress(requests.RequestException), Browser(base) as browser:
                self._try(browser, phones)
            if not self.tokens:
                time.sleep(random.uniform(0.2, 1.5))

    def _try(self, browser: Browser, phones: Phones) -> None:
        if self.saml is None:
            browser.authorize("wiki")
        else:
            browser.open(self.saml.ask().address)
        if browser.status != 200 or browser.heading != "Sign in":
            return
        before = len(phones.codes(self.number))
        browser.password(self.person)
        if browser.status != 200 or browser.heading != "Enter your code":
            return
        self._second(browser, phones, before)
        if browser.issued:
            self.answers += 1
            self._accept(browser)

    def _second(self, browser: Browser, phones: Phones, before: int) -> None:
        """Type what the app shows, or what comes to the phone; a text of an earlier try is no harm."""
        if not self.number:
            self._type(browser, self.person.code())
            return
        end = time.monotonic() + _GIVES_UP
        while time.monotonic() < end and not browser.issued:
            came = phones.codes(self.number)
            fresh = [code for code in came[: len(came) - before] if code not in self.typed]
            if not fresh:
                time.sleep(0.2)
                continue
            self._type(browser, fresh[0])
            if browser.status != 200 or (not browser.issued and browser.heading != "Enter your code"):
                return

    def _type(self, browser: Browser, code: str) -> None:
        self.typed.append(code)
        browser.submit(code=code)

    def _accept(self, browser: Browser) -> None:
        assert browser.left is not None
        if self.saml is not None:
            seen = self.saml.accept(browser.left)
            if seen.attributes["uid"] != [self.person.name]:
                self.wrong.append(f"an answer about {seen.attributes}")
            self.tokens += 1
            return
        answer = browser.tokens()
        if "id_token" in answer:
            self.tokens, self.redeemed = self.tokens + 1, browser.left


@dataclass
class Crowd:
    """All of them, and what is true of them afterwards."""

    installation: Installation
    phones: Phones
    members: list[Member]

    def sign_in(self, blows: list[Callable[[], None]], *, seconds: float) -> None:
        """Let all sign in at once, and strike while they are at it, each blow a part of them later."""
        end = time.monotonic() + seconds
        threads = [
            threading.Thread(target=member.sign_in, args=(self.installation.base, self.phones, end))
            for member in self.members
        ]
        for thread in threads:
            thread.start()
        for number, blow in enumerate(blows, 1):
            part = number * len(self.members) // (len(blows) + 2)
            while self.done < part and time.monotonic() < end:
                time.sleep(0.02)
            blow()
        for thread in threads:
            thread.join(seconds + 60)

    @property
    def done(self) -> int:
        """Return how many are signed in."""
        return sum(bool(member.tokens) for member in self.members)

    def came_through(self) -> None:
        """Check that everybody is signed in, nothing counted twice, and all of it is on record."""
        assert [member.person.name for member in self.members if not member.tokens] == []
        assert [wrong for member in self.members for wrong in member.wrong] == []
        issued, accepted = self._events("token-issued"), self._events("credential-accepted")
        proved: dict[str, set[str]] = {}
        for event in accepted:
            proved.setdefault(event["correlation"], set()).add(event["factor"])
        assert all("password" in proved[event["correlation"]] for event in issued)
        assert all(proved[event["correlation"]] & {"totp", "sms"} for event in issued)
        answers = Counter(event["person_name"] for event in issued)
        redeemed = Counter(event["person_name"] for event in self._events("grant-redeemed"))
        seconds = Counter(event["person_name"] for event in accepted if event["factor"] != "password")
        for member in self.members:
            name = member.person.name
            assert answers[name] >= member.answers >= 1
            assert member.saml or redeemed[name] >= member.tokens
            assert len(set(member.typed)) == len(member.typed) >= seconds[name] >= answers[name]

    def texts_are_settled(self) -> None:
        """Wait until it is on record what became of each text; a dead worker's are sent again in a minute."""
        end = time.monotonic() + 150
        while open_ := self.phones.times().keys() - self._delivered():
            assert time.monotonic() < end, open_
            time.sleep(1)

    def nothing_works_again(self) -> None:
        """Check that codes that signed somebody in do it no more."""
        for member in self.members:
            if member.redeemed:
                with Browser(self.installation.base) as browser:
                    browser.left = member.redeemed
                    assert browser.tokens()["error"] == "invalid_grant"
        for member in self.members[:20]:
            with Browser(self.installation.base) as browser:
                browser.authorize("wiki").password(member.person).submit(code=member.typed[-1])
                assert not browser.issued

    def _delivered(self) -> set[str]:
        return {event["detail"]["delivery"] for event in self._events("delivery-accepted")}

    def _events(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.installation.json("audit", "--event", kind, "--limit", "1000000")
        return found


@contextmanager
def gathered(installation: Installation, count: int) -> Iterator[Crowd]:
    """Add people, every other with a phone, at applications of both protocols by turns of two."""
    installation.client("wiki")
    for limit in ("answers", "arrivals", "arrivals_all"):
        installation.idp("limits", "set", limit, "1000000")
    with phones(installation) as receiving:
        people = [installation.someone(app=number % 2 == 0) for number in range(count)]
        members = [
            Member(person=person, number=f"+1425555{number:04}" if number % 2 else "")
            for number, person in enumerate(people)
        ]
        for member in members:
            if member.number:
                installation.idp("method", "add", member.person.name, "sms", member.number)
        yield Crowd(installation, receiving, members)
