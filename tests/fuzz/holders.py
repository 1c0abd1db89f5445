"""People who hold something, and sign-ins that wait for it: a passkey, a phone with the app, a line.

The keys are the same in every process: the search signs in one of them, the installation is in another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient

from idp.channels.carriers import Carriers, SetUp
from idp.channels.twilio import signature
from idp.channels.twilio_voice import TwilioVoiceSettings
from idp.core.model import Actor, Person
from idp.core.ports import NewMethod
from idp.factors import call, elsewhere
from idp.factors.call import Line
from idp.factors.passkey import Passkey
from idp.factors.passkey.ceremony import creation, made
from idp.factors.passkey.settings import Site
from idp.jobs import Outcome
from idp.keys import VapidKey
from idp.store.schema import asked_elsewhere, methods, people
from tests.channels.carrying import ACCOUNT
from tests.fuzz.carrier import SECRET
from tests.oidc.house import BASE, PASSWORD, House
from tests.passkeys import SoftKey
from tests.phones import SoftPhone
from tests.proofs import proof

KINDS = ("passkey", "passkey-new", "phone", "phone-new", "call")
VOICE = "voice"
SITE = Site(name="id.example", origins=(BASE,))
# It does not count, as most passkeys that are synced.
KEY = SoftKey(
    origin=BASE,
    counts=False,
    id=b"a credential of this search's",
    private=ec.derive_private_key(1022, ec.SECP256R1()),
)
PHONE_KEY = ec.derive_private_key(1023, ec.SECP256R1())
_WHO = Actor(kind="cli", id="test")
_OPTIONS = re.compile(r'data-options="([^"]*)"')
_NUMBER = re.compile(r"<b>(\d\d)</b>")
_CODE = re.compile(r'id="setup-code"[^>]*>([^<]*)<')
_NAMES = ("grace", "phil", "carl", "neil")


class Holders:
    """Four people: with a passkey, with a phone, with a line, and with nothing yet."""

    def __init__(self, house: House, cookies: Callable[[FlaskClient], str]) -> None:
        self._house, self._cookies = house, cookies
        with house.store.write() as unit:
            VapidKey(house.store, house.ground.sealer).ensure(unit, at=house.clock.now())
        settings = TwilioVoiceSettings(account=ACCOUNT, caller="+14255550100")
        carriers = Carriers(house.store, house.ground.sealer)
        with house.store.write() as unit:
            setup = SetUp(name=VOICE, settings=settings)
            carriers.save(unit, setup, SECRET, actor=_WHO, at=house.clock.now())
        self._people = {name: self._person(name) for name in _NAMES}
        self._give("grace", self._passkey())
        self._phone = self._give("phil", self._app())
        line = Line(number="+14255550123")
        self._line = self._give(
            "carl", call.handed_out(self._people["carl"], line, place="mobile", at=house.clock.now())
        )

    def _person(self, name: str) -> Person:
        person = self._house.add_person(name)
        hashed = self._house.hasher.hash(PASSWORD)
        with self._house.store.write() as unit:
            self._house.local.set_password(unit, person.source_key, hashed)
        return person

    def _give(self, name: str, method: NewMethod) -> str:
        with self._house.store.write() as unit:
            return self._house.methods.add(unit, self._people[name].id, method, allowed=True).id

    def _passkey(self) -> NewMethod:
        grace = self._people["grace"]
        options = creation(SITE, service="Countersign", person=grace, known=())
        shown = made(KEY.make(options), options=options, site=SITE)
        return NewMethod(
            factor=Passkey.name,
            label="Key",
            secret=shown.key,
            counter=shown.count,
            data=shown.data,
            proof=proof(Passkey.name, grace.id, self._house.clock.now()),
        )

    def _app(self) -> NewMethod:
        phil, now = self._people["phil"], self._house.clock.now()
        shown, public = proof("push", phil.id, now), phone({}).public
        return NewMethod(
            factor="push", label="Pixel", secret=b"s" * 20, counter=-1, data={"public": public}, proof=shown
        )

    # What a sender may know ---------------------------------------------------------------------
    def mint(self, kind: str) -> Mapping[str, Any]:
        """Return a fresh sign-in that waits for what somebody holds."""
        with self._house.store.write() as unit:
            # As lockouts: an alarm, or a request that is open, would only hide what comes behind.
            unit.execute(sa.delete(asked_elsewhere))
            unit.execute(sa.update(people).values(blocked_until=None, block_reason=""))
            # Whoever holds the key may count as they like; the next one counts from nothing again.
            unit.execute(sa.update(methods).where(methods.c.factor == Passkey.name).values(counter=0))
            neil = self._people["neil"].id
            unit.execute(sa.delete(methods).where(methods.c.person == neil))
            unit.execute(
                sa.update(people).where(people.c.id == neil).values(may_enrol=True, recovery_due=False)
            )
        minted: Mapping[str, Any] = getattr(self, f"_mint_{kind.replace('-', '_')}")()
        return minted

    def _mint_passkey(self) -> Mapping[str, Any]:
        browser = self._house.browser()
        place = urlsplit(self._house.authorize(browser).headers["Location"]).path
        shown = browser.get(place, base_url=BASE).text
        return {
            **self._about(browser, place),
            "options": _in(_OPTIONS, shown),
            "handle": self._people["grace"].id,
        }

    def _mint_passkey_new(self) -> Mapping[str, Any]:
        browser, place, shown = self._after_password("neil")
        return {**self._about(browser, place), "options": _in(_OPTIONS, shown)}

    def _mint_phone(self) -> Mapping[str, Any]:
        browser, place, shown = self._after_password("phil")
        with self._house.store.read() as connection:
            asked = elsewhere.of(connection, self._people["phil"].id)
        assert asked is not None
        known = {"number": _in(_NUMBER, shown), "phone": self._phone, "request": asked.id}
        return {**self._about(browser, place), **known}

    def _mint_phone_new(self) -> Mapping[str, Any]:
        browser, place, _ = self._after_password("neil")
        browser.post(place + "/choose", base_url=BASE, data={"factor": "push", "method": ""})
        shown = browser.get(place, base_url=BASE).text
        return {**self._about(browser, place), "code": _in(_CODE, shown)}

    def _mint_call(self) -> Mapping[str, Any]:
        browser, place, shown = self._after_password("carl")
        assert "We are calling you" in shown, shown
        leased = self._house.ground.outbox.lease(["call"])
        assert leased is not None
        path = f"/channels/calls/{VOICE}/{self._house.ground.outbox.open(leased).payload['secret']}"
        self._house.ground.outbox.settle(leased, Outcome())
        fields = {"CallSid": "CA1", "CallStatus": "in-progress"}
        signed = {"X-Twilio-Signature": signature(SECRET, BASE + path, fields)}
        picked_up = self._house.app.test_client().post(path, base_url=BASE, data=fields, headers=signed)
        assert picked_up.status_code == 200, picked_up.text
        return {**self._about(browser, place), "call": path, "line": self._line}

    def _after_password(self, name: str) -> tuple[FlaskClient, str, str]:
        """Come as far as the page behind the password; return browser, address and page."""
        browser = self._house.browser()
        place = urlsplit(self._house.authorize(browser).headers["Location"]).path
        typed = {"factor": "password", "method": "", "username": name, "password": PASSWORD}
        browser.post(place, base_url=BASE, data=typed)
        return browser, place, browser.get(place, base_url=BASE).text

    def _about(self, browser: FlaskClient, place: str) -> Mapping[str, Any]:
        return {"path": place, "cookies": self._cookies(browser), "now": self._house.clock.now()}


def phone(about: Mapping[str, Any]) -> SoftPhone:
    """Return the phone, as it is for one sign-in; it only signs."""
    return SoftPhone(
        post=lambda _path, _body: (0, {}),
        now=lambda: about["now"],
        origin=BASE,
        id=about.get("phone", ""),
        private=PHONE_KEY,
    )


def key_of(about: Mapping[str, Any]) -> SoftKey:
    """Return the passkey, as it is for one sign-in."""
    return replace(KEY, handle=about["handle"].encode() if "handle" in about else b"")


def _in(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    assert found is not None, page
    return unescape(found[1])
