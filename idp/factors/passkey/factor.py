"""The passkey factor: ask for one, beside the user name or after it, check it, and make new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event
from idp.core.browsers import browser_of
from idp.core.errors import Refused, Unchecked
from idp.core.model import Asked, Enrolment, Kind, Method, Offer, Person, Proof, SignIn
from idp.core.ports import Clock, NewMethod
from idp.core.result import Result
from idp.directory.people import People
from idp.factors.codes import target_of
from idp.factors.passkey import ceremony
from idp.factors.passkey.ceremony import WRONG
from idp.factors.passkey.settings import PasskeySettings, PasskeySettingsStore, Site, site_of
from idp.factors.tools import Tools
from idp.keys import Issuers
from idp.methods import Methods, label_of
from idp.policy.model import FactorWorth
from idp.store import Store

LABEL = "Passkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """The factor and its enrolment; forms have the field `credential` (JSON), and `label` for a new one.

    All passkeys of a person are one offer: the browser knows which of them is at hand.
    """

    name: ClassVar[str] = "passkey"
    # Who unlocks it shows something known or something they are, and it does not say which. Not known,
    # or password and PIN would look like two kinds less than they are.
    worth: ClassVar[FactorWorth] = FactorWorth(
        kinds=frozenset({Kind.HAVE, Kind.ARE}),
        amr=("hwk", "swk", "user"),
        first=True,
        no=WRONG,
        phishing_resistant=True,
        resets="passkey",
        unsent=True,
    )

    store: Store
    clock: Clock
    people: People
    methods: Methods
    issuers: Issuers
    settings: Callable[[], PasskeySettings]
    service_name: str
    audit: AuditLog

    @classmethod
    def of(cls, tools: Tools) -> Passkey:
        """Return the factor, built."""
        return cls(
            store=tools.store,
            clock=tools.clock,
            people=tools.people,
            methods=tools.methods,
            issuers=tools.issuers,
            settings=PasskeySettingsStore(tools.store).get,
            service_name=tools.service_name,
            audit=tools.audit,
        )

    @property
    def documents(self) -> Mapping[str, Callable[[], object]]:
        """Return what is published under /.well-known/: which origins may use our passkeys (5.11)."""
        return {"webauthn": self._origins}

    # Asking -----------------------------------------------------------------------------------
    def offer(self, person: Person | None, methods: Sequence[Method]) -> Sequence[Offer]:
        """Return one offer for all of a person's passkeys; before anybody is known, beside the user name."""
        site = site_of(self.issuers.default().base_url, self.settings())
        if site is None:
            return ()
        if person is None:
            return (Offer(factor=self.name, label=LABEL, beside=True),)
        return (Offer(factor=self.name, label=LABEL),) if _here(methods, site) else ()

    def start(self, sign_in: SignIn, offer: Offer) -> Asked:
        """Draw a challenge. Raises Unchecked where browsers know no passkeys, or the person has none here.

        What opens a sign-in must ask who holds it.
        """
        site, known = self._site(sign_in), []
        if sign_in.person:
            with self.store.read() as connection:
                known = _here(self.methods.of(connection, sign_in.person), site)
            if not known:
                raise Unchecked("Your passkeys belong to another address of this service. Use another way.")
        options = ceremony.request(site, known=known, verify=offer.opening or not known)
        return Asked(factor=self.name, challenge={"options": options, "person": sign_in.person})

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return the person's key, while nobody is known that of whom the passkey says it is of."""
        return target_of(sign_in.person or ceremony.claimed(answer.get("credential", "")))

    def prove(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        """Check what the passkey signed. Raises Refused, the same for every reason; Unchecked for nothing."""
        site, asked = self._site(sign_in), sign_in.asked.challenge if sign_in.asked else {}
        if not answer.get("credential"):
            raise Unchecked("Your browser has not shown a passkey yet. Try again, or use another way.")
        if asked.get("person") != sign_in.person:
            raise Refused(WRONG, detail="asked of another person")
        credential = ceremony.read(answer["credential"])
        with self.store.read() as connection:
            person = self._person(connection, sign_in, ceremony.whose(credential))
            method = self._found(connection, person, site, credential.id)
            key = self.methods.secret(connection, method.id)
        shown = ceremony.shown(credential, key=key, options=asked["options"], site=site)
        if shown.device != method.data["device"]:
            raise Refused(WRONG, detail="another kind of device")
        self._use(sign_in, method, shown.count)
        return self._proof(person, method.id, method.data, verified=shown.verified)

    def _person(self, connection: sa.Connection, sign_in: SignIn, claimed: str) -> str:
        """Return whom the sign-in is about, else whom the passkey says it is of. Raises Refused."""
        if claimed not in ("", sign_in.person or claimed):
            raise Refused(WRONG, detail="of another person", result=Result.OTHER_PERSON)
        person = self.people.get(connection, sign_in.person or claimed)
        if person is None or not person.enabled:
            result = Result.PERSON_DISABLED if person else Result.PERSON_UNKNOWN
            raise Refused(WRONG, detail="nobody, or disabled", result=result)
        return person.id

    def _found(self, connection: sa.Connection, person: str, site: Site, credential: str) -> Method:
        # Looked for among this person's only, so that nobody can register a copy of another's id.
        for method in _here(self.methods.of(connection, person), site):
            if method.data["credential"] == credential:
                return method
        raise Refused(WRONG, detail="not registered", result=Result.NO_METHOD)

    def _use(self, sign_in: SignIn, method: Method, count: int) -> None:
        """Note the use. One that was counted before means that there is a copy (WebAuthn 3, 6.1.1)."""
        with self.store.write() as unit:
            if not self.methods.there(unit.connection, method.id):
                raise Refused(WRONG, detail="removed meanwhile")
            # Most synced passkeys don't count, and say 0 each time.
            counts = (count or method.counter) > 0
            if counts and self.methods.advance(unit, method.id, count):
                return
            self.methods.used(unit, method.id)
            if not counts:
                return
            entry = Entry(
                event=Event.METHOD_COPIED,
                person=method.person,
                partner=sign_in.request.partner,
                factor=self.name,
                correlation=sign_in.correlation,
                detail={"method": method.id, "count": count, "expected": method.counter + 1},
                address=sign_in.network.address,
            )
            self.audit.record(unit, entry)
        if self.settings().refuse_copies:
            raise Refused(WRONG, detail="a copy")

    # Setting up -------------------------------------------------------------------------------
    def propose(self, person: Person) -> Offer | None:
        """Return the one offer: a phone, a computer or a security key will do."""
        usable = site_of(self.issuers.default().base_url, self.settings())
        return Offer(factor=self.name, label=LABEL) if usable else None

    def begin(self, sign_in: SignIn, person: Person) -> Enrolment:
        """Return a draft with a challenge, and a name to begin with."""
        site = self._site(sign_in)
        with self.store.read() as connection:
            known = _here(self.methods.of(connection, person.id), site)
        options = ceremony.creation(site, service=self.service_name, person=person, known=known)
        label = browser_of(sign_in.network.user_agent).system or LABEL
        return Enrolment(factor=self.name, draft={"options": options, "label": label})

    def show(self, person: Person, enrolment: Enrolment) -> Mapping[str, object]:
        """Return options (JSON, for the browser) and label (a name to begin with)."""
        return dict(enrolment.draft)

    def confirm(
        self, sign_in: SignIn, person: Person, enrolment: Enrolment, answer: Mapping[str, str]
    ) -> NewMethod:
        """Check the new passkey. Raises Refused, and Unchecked when the browser made none."""
        text = answer.get("credential", "")
        if not text:
            raise Unchecked("Your browser has not made a passkey yet. Try again, or use another way.")
        made = ceremony.made(text, options=enrolment.draft["options"], site=self._site(sign_in))
        self._check_new(person, made.data["credential"])
        return NewMethod(
            factor=self.name,
            label=label_of(answer.get("label", "")) or enrolment.draft["label"],
            secret=made.key,
            counter=made.count,
            data=made.data,
            proof=self._proof(person.id, "", made.data, verified=made.verified),
        )

    def _check_new(self, person: Person, credential: str) -> None:
        with self.store.read() as connection:
            mine = self.methods.of(connection, person.id)
        if any(one.data.get("credential") == credential for one in mine if one.factor == self.name):
            raise Refused(WRONG, detail="registered before")

    def _origins(self) -> Mapping[str, object]:
        settings = self.settings()
        site = site_of(self.issuers.default().base_url, settings)
        return {"origins": list(site.origins if site else settings.origins)}

    # Both -------------------------------------------------------------------------------------
    def _site(self, sign_in: SignIn) -> Site:
        issuer = self.issuers.get(sign_in.request.issuer)
        site = site_of(issuer.base_url, self.settings())
        if site is None:
            raise Unchecked("Passkeys don't work at this address of the service. Use another way.")
        return site

    def _proof(self, person: str, method: str, data: Mapping[str, str], *, verified: bool) -> Proof:
        return Proof(
            person=person,
            factor=self.name,
            method=method,
            kinds=self.worth.kinds if verified else frozenset({Kind.HAVE}),
            amr=("hwk" if data["device"] == "one" else "swk", "user"),
            at=self.clock.now(),
            user_verified=verified,
            phishing_resistant=True,
            detail={name: data[name] for name in ("aaguid", "attestation", "device")},
        )


def _here(methods: Sequence[Method], site: Site) -> list[Method]:
    """Return the passkeys among methods that were made for a site."""
    return [one for one in methods if one.factor == Passkey.name and one.data["name"] == site.name]
