"""Have 1,000 people wait for their phones at once: what that costs, and how soon a page knows an answer."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any

import machine
from polling import Page, Pages, waiting
from server import Installation, Running
from visitor import Visitor, must_answer

from idp.app.factors import WORTHS
from idp.core.clock import SystemClock
from idp.core.ids import new_id
from idp.core.model import Proof
from idp.core.ports import NewMethod
from idp.directory.hashing import PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import NewPerson, People
from idp.methods import Methods
from idp.sessions import Lifetimes, Sessions
from idp.store import Unit
from tests.phones import SoftPhone

PAGES = 1000
_ANSWERED = 40  # by so many phones, to see how soon their pages know
_WINDOWS, _WINDOW = 6, 10.0  # seconds
_SETTLES = 3.0  # seconds
_APART = 0.35  # seconds between two phones' answers
_LATEST = 18.0  # seconds that a page may rest, and a little
_LASTS = 120.0 - _LATEST  # seconds that a phone is asked, less what its page may take to know
_NUMBER = re.compile(r"<b>(\d\d)</b>")
_COOKIE = "countersign-session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Somebody whose browser has a session by password, and whose phone has the app."""

    phone: str
    session: str


@dataclass(slots=True)
class Waited:
    """What came of it: shares of a worker, looks a second, and seconds until a page knew."""

    share: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)


class Asked(Visitor):
    """The browsers, one at a time over one connection, and the phones."""

    def __init__(self, port: int, key: SoftPhone) -> None:
        super().__init__(port)
        self._key = key
        self._calls = HTTPConnection("127.0.0.1", port, timeout=30)

    def arrive(self, holder: Holder) -> Page:
        """Come from the application with a session that is not enough, and have the phone asked."""
        self._browser.remember({_COOKIE: holder.session})
        place, _ = self._browser.ask(self._authn_request("both"), status=303)
        self._browser.ask(place + "/choose", status=303, form={"factor": "push", "method": ""})
        return Page(place=place, cookies=self._browser.cookies, since=time.monotonic())

    def answer(self, holder: Holder, page: Page) -> float:
        """Type the page's number on the phone; return the moment when the phone is told that it counts."""
        number = _NUMBER.search(self._at(page, status=200))
        if number is None:
            raise RuntimeError("no number")
        phone = SoftPhone(
            post=self._call,
            now=lambda: datetime.now(UTC),
            origin=self._base,
            id=holder.phone,
            private=self._key.private,
        )
        if phone.approve(number[1]) != "approved":
            raise RuntimeError("not approved")
        return time.monotonic()

    def go_on(self, page: Page) -> None:
        """Send the page's form, as it does by itself, and be answered."""
        must_answer(self._at(page, status=200, form={"factor": "push", "method": ""}), signatures=2)

    def _at(self, page: Page, *, status: int, form: dict[str, str] | None = None) -> str:
        self._browser.forget()
        return self._browser.ask(page.place, status=status, form=form, Cookie=page.cookies)[1]

    def _call(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/jose", "Sec-Fetch-Site": "same-origin"}
        self._calls.close()  # and opened anew: a phone that is woken has none
        self._calls.request("POST", path, body, headers)
        answer = self._calls.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")


def key() -> SoftPhone:
    """Return a phone whose key all have: the server can't tell."""
    return SoftPhone(post=lambda _path, _body: (0, {}), now=lambda: datetime.now(UTC), origin="")


def fill(installation: Installation, shared: SoftPhone) -> list[Holder]:
    """Put people with phones and sessions into the data: to set each up at /me would take minutes."""
    clock = SystemClock()
    with installation.opened() as (store, sealer):
        people = People(store, clock, [LocalSource(store, PasswordHasher(), clock)])
        methods, sessions = Methods(store, sealer, clock), Sessions(Lifetimes())
        with store.write(alone=True) as unit:
            return [
                _holder(unit, people, methods, sessions, f"caller{number}", shared.public)
                for number in range(PAGES)
            ]


def _holder(
    unit: Unit, people: People, methods: Methods, sessions: Sessions, name: str, public: str
) -> Holder:
    now = datetime.now(UTC)
    mail = {"mail": (f"{name}@bench.example",)}
    person = people.add(unit, NewPerson(name=name, display_name=name.title(), attributes=mail))
    app = NewMethod(
        id=new_id(),
        factor="push",
        label="Pixel",
        secret=bytes(20),
        counter=-1,
        data={"public": public},
        proof=_proof("push", person.id, now),
    )
    method = methods.add(unit, person.id, app, allowed=True)
    typed = _proof("password", person.id, now)
    session = sessions.prepare(person=person.id, proofs=(typed,), stay=False, now=now)
    return Holder(phone=method.id, session=sessions.open(unit, session) or "")


def _proof(factor: str, person: str, at: datetime) -> Proof:
    worth = WORTHS[factor]
    return Proof(person=person, factor=factor, kinds=worth.kinds, amr=worth.amr, at=at)


def measure(server: Running, holders: Sequence[Holder], shared: SoftPhone) -> Waited:
    """Have all of them wait for a minute; then have some phones answer.

    Where the machine is so busy that the first wait in vain by then, it is less than a minute.
    """
    asked, waited = Asked(server.port, shared), Waited()
    with waiting(server.port) as pages:
        shown = []
        for holder in holders:
            shown.append(asked.arrive(holder))
            pages.show(shown[-1])
        time.sleep(_SETTLES)
        for _ in range(_WINDOWS):
            if time.monotonic() + _WINDOW < shown[0].since + _LASTS:
                _window(server, pages, waited)
        last = list(zip(holders, shown, strict=True))[-_ANSWERED:]
        waited.late = _answered(asked, pages, last)
    return waited


def _window(server: Running, pages: Pages, waited: Waited) -> None:
    """Measure for a while, in which nobody may stop waiting."""
    began, before, looked = time.monotonic(), machine.cpu([server.worker]), pages.looks()
    ended = pages.known(within=_WINDOW)
    took = time.monotonic() - began
    if ended is not None:
        raise RuntimeError(f"a page stopped waiting: {ended}")
    waited.share.append((machine.cpu([server.worker]) - before) / took)
    waited.looks.append((pages.looks() - looked) / took)


def _answered(asked: Asked, pages: Pages, some: Sequence[tuple[Holder, Page]]) -> list[float]:
    """Have phones answer one after another; return how much later each page knew, which goes on then."""
    moments, known = dict[str, float](), dict[str, float]()
    for holder, page in some:
        if time.monotonic() < page.since + _LASTS:
            moments[page.place] = asked.answer(holder, page)
        _take(pages, known, within=_APART)
    until = time.monotonic() + 2 * _LATEST
    while moments.keys() - known.keys():
        if time.monotonic() > until:
            raise RuntimeError("a page never knew")
        _take(pages, known, within=0.2)
    for _, page in some:
        if page.place in moments:
            asked.go_on(page)
    return [known[place] - moment for place, moment in moments.items()]


def _take(pages: Pages, known: dict[str, float], *, within: float) -> None:
    until = time.monotonic() + within
    while (told := pages.known(within=max(0.0, until - time.monotonic()))) is not None:
        place, state, moment = told
        if state != "settled":
            raise RuntimeError(f"{place} is {state}")
        known[place] = moment
