"""The whole hallway on a real store and state, with a door and a browser that tests hold in hand."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyotp
import sqlalchemy as sa

from idp.app.ground import Ground, make_ground
from idp.app.hallway import Hallway, build_hallway
from idp.audit import AuditLog, to_stream
from idp.core.errors import Denied
from idp.core.ids import new_id
from idp.core.model import Actor, Grant, Network, Participant, Partner, Person, Reply, SignInRequest, Visit
from idp.core.ports import Ending, NewMethod
from idp.directory import phones
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import NewPerson
from idp.factors import sms
from idp.jobs import Outbox
from idp.jobs.outbox import Outcome
from idp.keys import MasterKey, Sealer
from idp.sessions import Lifetimes
from idp.signin.flow import Flow
from idp.signin.limits import Limits
from idp.signin.steps import Step
from idp.store import Change, Store, change, schema
from tests.backends import state_beside
from tests.clock import TestClock
from tests.proofs import proof

CHEAP = Cost(memory=8, passes=1)
ACTOR = Actor(kind="cli", id="test")
SEED = b"12345678901234567890"
PASSWORD = "correct horse"
_HASHER = PasswordHasher(CHEAP)
_HASHED = _HASHER.hash(PASSWORD)


@dataclass
class FakeDoor:
    """A door that keeps what it was given to say."""

    name: str = "test"
    keeps_grants: bool = False
    grants: list[Grant] = field(default_factory=list)
    denials: list[Denied] = field(default_factory=list)
    can_end: bool = True

    def answer(self, grant: Grant) -> Reply:
        self.grants.append(grant)
        return Reply(address=grant.request.reply_to, fields={"grant": grant.id})

    def deny(self, request: SignInRequest, denied: Denied) -> Reply:
        self.denials.append(denied)
        return Reply(address=request.reply_to, fields={"error": denied.reason.value})

    def end(self, participant: Participant, *, chain: str) -> Ending:
        if not self.can_end:
            return Ending(supported=False)
        return Ending(supported=True, reply=Reply(address=f"https://app.example/slo?c={chain}"))

    def signed_out(self, finish: Mapping[str, str], *, complete: bool) -> Reply:
        return Reply(address=f"{finish['address']}?complete={complete}")


@dataclass
class Browser:
    """Cookies of one browser, kept as the flow's steps set them."""

    browser: str = ""
    session: str = ""
    device: str = ""
    address: str = "198.51.100.7"

    def visit(self) -> Visit:
        network = Network(address=self.address, user_agent="test browser")
        return Visit(browser=self.browser, session=self.session, device=self.device, network=network)

    def took(self, step: Step) -> Step:
        self.browser = step.browser or self.browser
        self.session = step.session or self.session
        self.device = step.device or self.device
        return step


@dataclass
class House:
    """The rooms of one installation, and shortcuts through the front door."""

    ground: Ground
    hall: Hallway
    door: FakeDoor
    clock: TestClock
    log: io.StringIO

    @property
    def flow(self) -> Flow:
        return self.hall.flow

    def partner(self, **fields: object) -> Partner:
        values: dict[str, object] = {
            "id": new_id(),
            "door": "test",
            "identifier": new_id(),
            "name": "Expenses",
            "issuer": "default",
            "release": ("uid", "mail", "displayName"),
        }
        partner = Partner(**{**values, **fields})  # type: ignore[arg-type]
        with self.ground.store.write() as unit:
            return self.ground.partners.save(unit, partner, actor=ACTOR, at=self.clock.now())

    def person(self, name: str = "ada", *, totp: bool = True, **fields: object) -> Person:
        store = self.ground.store
        source = LocalSource(store, _HASHER, self.clock)
        with store.write() as unit:
            new = NewPerson(name=name, attributes={"mail": (f"{name}@example.org",)}, **fields)  # type: ignore[arg-type]
            person = self.hall.people.add(unit, new)
            source.set_password(unit, person.source_key, _HASHED)
        if totp:
            self.give_totp(person)
        with store.read() as connection:
            found = self.hall.people.get(connection, person.id)
        assert found is not None
        return found

    def give_totp(self, person: Person) -> None:
        shown = proof("totp", person.id, self.clock.now())
        seeded = NewMethod(
            factor="totp", label="Authenticator app", secret=SEED, counter=-1, data={}, proof=shown
        )
        with self.ground.store.write() as unit:
            self.hall.methods.add(unit, person.id, seeded, allowed=True)

    def carrier(self) -> None:
        """Set up a carrier for texts; what it would send is in `texts`."""
        settings = {"url": "http://127.0.0.1:9/"}
        row = {
            "name": "demo",
            "type": "http",
            "position": 1,
            "prefixes": [],
            "settings": settings,
            "sealed": b"",
        }
        with self.ground.store.write() as unit:
            unit.execute(sa.insert(schema.carriers), row)
            made = Change(noun="carrier", key="demo", before=None, after={})
            change(unit, actor=ACTOR, at=self.clock.now(), change=made)

    def give_phone(self, person: Person, number: str = "+14255550123") -> str:
        """Register a phone for a person; return the method's id."""
        phone = sms.handed_out(person, phones.stored(number), at=self.clock.now())
        with self.ground.store.write() as unit:
            return self.hall.methods.add(unit, person.id, phone, allowed=True).id

    def texts(self) -> list[Mapping[str, str]]:
        """Take the texts that wait in the outbox: to, text, expires_at."""
        outbox, taken = Outbox(self.ground.store, self.ground.sealer, self.clock), []
        while leased := outbox.lease(["text"]):
            taken.append(outbox.open(leased).payload)
            outbox.settle(leased, Outcome())
        return taken

    def texted(self) -> str:
        """Return the code of the one text that waits."""
        (message,) = self.texts()
        return message["text"].rpartition("#")[2]

    def request(self, partner: Partner, **fields: object) -> SignInRequest:
        values: dict[str, object] = {
            "door": "test",
            "issuer": "default",
            "partner": partner.id,
            "reply_to": "https://app.example/acs",
        }
        return SignInRequest(**{**values, **fields})  # type: ignore[arg-type]

    def code(self) -> str:
        return pyotp.TOTP(_BASE32).at(self.clock.now())

    def password(
        self, browser: Browser, step: Step, name: str = "ada", word: str = PASSWORD, **more: str
    ) -> Step:
        answer = {"factor": "password", "method": "", "username": name, "password": word, **more}
        return browser.took(self.flow.prove(step.sign_in.id, browser.visit(), answer))

    def totp(self, browser: Browser, step: Step, code: str | None = None) -> Step:
        asked = step.sign_in.asked
        method = asked.method if asked else ""
        answer = {"factor": "totp", "method": method, "code": self.code() if code is None else code}
        return browser.took(self.flow.prove(step.sign_in.id, browser.visit(), answer))

    def sms(self, browser: Browser, step: Step, code: str) -> Step:
        asked = step.sign_in.asked
        answer = {"factor": "sms", "method": asked.method if asked else "", "code": code}
        return browser.took(self.flow.prove(step.sign_in.id, browser.visit(), answer))

    def choose(self, browser: Browser, step: Step, factor: str, method: str = "") -> Step:
        return browser.took(self.flow.choose(step.sign_in.id, browser.visit(), factor, method))

    def later(self, browser: Browser, step: Step) -> Step:
        """Put off what may be put off: the second method, after the first."""
        return browser.took(self.flow.later(step.sign_in.id, browser.visit()))

    def save_codes(self, browser: Browser, step: Step) -> Step:
        """Save the recovery codes, without a second way if one is recommended."""
        if step.sign_in.enrolment is None:
            step = self.later(browser, step)
        answer = {"factor": "recovery", "saved": "yes"}
        return browser.took(self.flow.enrol(step.sign_in.id, browser.visit(), answer))

    def shown_codes(self, step: Step) -> list[str]:
        """Return the recovery codes that the page shows."""
        assert step.person is not None
        assert step.sign_in.enrolment is not None
        shown = self.flow.judge.factors.enrollers["recovery"].show(step.person, step.sign_in.enrolment)
        codes = shown["codes"]
        assert isinstance(codes, list)
        return codes

    def prove(self, browser: Browser, step: Step, code: str) -> Step:
        """Answer whatever is asked for with this code."""
        asked = step.sign_in.asked
        assert asked is not None
        answer = {"factor": asked.factor, "method": asked.method, "code": code}
        return browser.took(self.flow.prove(step.sign_in.id, browser.visit(), answer))

    def sign_in(self, browser: Browser, partner: Partner, name: str = "ada", **fields: object) -> Step:
        """Walk a whole sign-in with password and code."""
        step = browser.took(self.flow.begin(self.request(partner, **fields), browser.visit()))
        self.clock.advance(seconds=30)
        return self.totp(browser, self.password(browser, step, name))


_BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def build_house(
    store: Store,
    folder: Path,
    clock: TestClock,
    *,
    lifetimes: Lifetimes | None = None,
    limits: Limits | None = None,
) -> House:
    log = io.StringIO()
    ground = make_ground(
        clock=clock,
        store=store,
        state=state_beside(store, folder, clock),
        sealer=Sealer(MasterKey.load_or_create(folder / "master.key")),
        audit=AuditLog(clock, to_stream(log)),
        lifetimes=lifetimes,
    )
    with store.write() as unit:
        ground.issuers.ensure(unit, "https://login.example.org", clock.now())
    door = FakeDoor()
    hall = build_hallway(ground, {"test": door}, cost=CHEAP, limits=limits)
    return House(ground=ground, hall=hall, door=door, clock=clock, log=log)
