"""What phones do: come with a code, look what is asked of them, answer, and say where to wake them."""

from __future__ import annotations

from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from idp.channels.waking import Subscription, Subscriptions
from idp.core.errors import Refused
from idp.core.ids import same
from idp.core.model import Method, Person
from idp.core.ports import Clock
from idp.directory.people import People
from idp.factors import elsewhere
from idp.factors.codes import read_letters
from idp.factors.elsewhere import Elsewhere, Request, Said
from idp.factors.push.factor import LASTS, Push
from idp.factors.push.setups import Setup, Setups
from idp.factors.tools import Tools
from idp.methods import Methods, label_of
from idp.store import Store

GONE = "This account is not set up on this phone any more."
_USED = "That code is not right, or was used already. Get a new one on the page that showed it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A phone of a person. public is its key; ready: it is a method, and not only being set up."""

    method: Method
    public: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What a phone that came with a code is told, once: seed is that of its codes, in base32."""

    id: str
    account: str
    service: str
    seed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a phone shows: is this sign-in to the application yours? The number is not in it."""

    request: Request
    application: str
    setting_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Phones:
    """The verbs of the phone app; who calls has been proved by the phone's key."""

    store: Store
    clock: Clock
    people: People
    methods: Methods
    setups: Setups
    subscriptions: Subscriptions
    elsewhere: Elsewhere
    service_name: str

    @classmethod
    def of(cls, tools: Tools) -> Phones:
        """Return the verbs, built."""
        return cls(
            store=tools.store,
            clock=tools.clock,
            people=tools.people,
            methods=tools.methods,
            setups=Setups(tools.sealer),
            subscriptions=Subscriptions(tools.sealer),
            elsewhere=tools.elsewhere(Push.name, LASTS),
            service_name=tools.service_name,
        )

    def connect(self, token: str, *, public: str, label: str) -> Connected:
        """Take a phone in by the code on the page. Raises Refused, the same for every reason."""
        try:
            code = read_letters(token)
        except Refused as refused:
            raise Refused(_USED) from refused
        called, now = label_of(label) or "Phone", self.clock.now()
        # Strangers wait for nobody, and nobody for them: one database has one writer.
        with self.store.read() as connection:
            if self.setups.called(connection, code, now=now) is None:
                raise Refused(_USED)
        with self.store.write() as unit:
            setup = self.setups.connect(unit, code, public=public, label=called, now=now)
            person = self.people.get(unit.connection, setup.person) if setup else None
            if setup is None or person is None:
                raise Refused(_USED)
        seed = b32encode(setup.seed).decode().rstrip("=")
        return Connected(id=setup.id, account=person.name, service=self.service_name, seed=seed)

    def find(self, phone_id: str) -> Phone:
        """Return a phone by its id. Raises Refused when there is none, or not any more."""
        with self.store.read() as connection:
            method = self.methods.one(connection, phone_id, factor=Push.name)
            if method is not None:
                return Phone(method=method, public=method.data["public"], ready=True)
            setup = self.setups.get(connection, phone_id, now=self.clock.now())
        if setup is None or not setup.connected:
            raise Refused(GONE)
        return Phone(method=_as_method(setup, self.clock.now()), public=setup.public, ready=False)

    def question(self, phone: Phone) -> Question | None:
        """Return what this phone is asked now."""
        now = self.clock.now()
        with self.store.read() as connection:
            request = elsewhere.of(connection, phone.method.person)
            if request is None or not request.open(now) or not _asked(request, phone):
                return None
            if not self._may_answer(connection, phone, now):
                return None
        return Question(
            request=request,
            application=self.elsewhere.application(request.partner),
            setting_up=request.device != "",
        )

    def answer(self, phone: Phone, request_id: str, said: Said, *, number: str) -> Said:
        """Take what the phone said; return what it counts as, NOTHING when it came too late.

        An approval with another number is a no. A no, or a report, counts and may raise the alarm.
        """
        now = self.clock.now()
        with self.store.write() as unit:
            request = elsewhere.one(unit.connection, request_id)
            if request is None or (request.factor, request.person) != (Push.name, phone.method.person):
                return Said.NOTHING
            if not self._may_answer(unit.connection, phone, now):
                return Said.NOTHING
            if said is Said.APPROVED and not same(request.number, number):
                said = Said.WRONG
            counted = self.elsewhere.answered(
                unit, request, said, by=phone.method.id, ready=phone.ready, now=now
            )
        return said if counted else Said.NOTHING

    def subscribe(self, phone: Phone, subscription: Subscription) -> None:
        """Wake the phone there from now on. Raises Refused."""
        with self.store.write() as unit:
            self.subscriptions.put(unit, phone.method.id, subscription, at=self.clock.now())

    def _may_answer(self, connection: sa.Connection, phone: Phone, now: datetime) -> bool:
        person = self.people.get(connection, phone.method.person)
        return person is not None and _free(person, now)


def _free(person: Person, now: datetime) -> bool:
    return person.enabled and (person.blocked_until is None or now >= person.blocked_until)


def _asked(request: Request, phone: Phone) -> bool:
    mine = request.device == phone.method.id or (request.device == "" and phone.ready)
    return mine and request.factor == Push.name


def _as_method(setup: Setup, now: datetime) -> Method:
    return Method(id=setup.id, person=setup.person, factor=Push.name, label=setup.label, created_at=now)
