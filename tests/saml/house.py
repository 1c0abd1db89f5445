"""The SAML room over real stores and keys, with service providers on record."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from lxml import etree

from idp.core.codec import plain
from idp.core.ids import new_id
from idp.core.model import (
    Actor,
    Claim,
    Grant,
    Kind,
    Network,
    Participant,
    Partner,
    Proof,
    Reply,
    SignInRequest,
    Strength,
    Subject,
    SubjectForm,
    Visit,
)
from idp.core.ports import Clock, State
from idp.keys import Issuers, KeyRing, MasterKey, Sealer
from idp.partners.metadata import read
from idp.partners.registry import Partners
from idp.saml.door import SamlDoor
from idp.saml.gate import Gate
from idp.saml.inbound import Inbound
from idp.saml.logout import Logout
from idp.saml.metadata import Metadata
from idp.sessions import Lifetimes, Sessions
from idp.store import Store, open_store
from idp.store.upgrade import upgrade
from tests import backends
from tests.clock import TestClock
from tests.saml.sp import Sp

BASE = "https://id.example"
ENTITY = f"{BASE}/saml/metadata"
TEST = Actor(kind="system", id="test")
NOBODY = Visit(browser="", session="", device="", network=Network(address="192.0.2.1"))


def prepare(folder: Path) -> None:
    """Make a database with schema, issuer and keys, to be copied for each test."""
    clock = TestClock()
    store = open_store(backends.create(backends.CHOSEN, folder))
    upgrade(store)
    sealer = Sealer(MasterKey.load_or_create(folder / "master.key"))
    with store.write() as unit:
        key_set = Issuers(store).ensure(unit, BASE, clock.now()).key_set
        KeyRing(store, sealer, clock).ensure(unit, actor=TEST, key_set=key_set)
    store.dispose()  # which moves everything into the file itself


@dataclass
class House:
    """Everything that a test may want to touch."""

    clock: Clock
    store: Store
    sealer: Sealer
    state: State
    partners: Partners
    issuers: Issuers
    keys: KeyRing
    sessions: Sessions
    gate: Gate
    inbound: Inbound
    logout: Logout
    door: SamlDoor
    metadata: Metadata

    # Partners ---------------------------------------------------------------------------------
    def add(self, sp: Sp, **changed: Any) -> Partner:
        """Import a service provider's metadata; changed are settings an administrator chose."""
        return self.add_metadata(sp.metadata(), **changed)

    def add_metadata(self, metadata: bytes, **changed: Any) -> Partner:
        found = read(metadata, now=self.clock.now())
        return self.save(
            Partner(
                id=re.sub(r"\W+", "-", found.entity_id),
                door="saml",
                identifier=found.entity_id,
                name="Expenses",
                issuer=self.issuers.default().id,
                release=("uid", "mail", "displayName"),
                settings=plain(replace(found.settings, **changed)),
            )
        )

    def save(self, partner: Partner) -> Partner:
        with self.store.write() as unit:
            return self.partners.save(unit, partner, actor=TEST, at=self.clock.now())

    # Grants and sessions ----------------------------------------------------------------------
    def grant(self, request: SignInRequest, **changed: Any) -> Grant:
        """Return what the hallway grants a person with two factors, changed."""
        now = self.clock.now()
        values: dict[str, Any] = {
            "id": new_id(),
            "request": request,
            "person": "person-1",
            "subject": subject(request),
            "claims": (
                Claim(type="uid", value="ada"),
                Claim(type="mail", value="ada@example.com"),
                Claim(type="displayName", value="Ada Lovelace"),
            ),
            "amr": ("pwd", "otp", "mfa"),
            "acr": Strength.TWO,
            "authenticated_at": now - timedelta(minutes=1),
            "issued_at": now,
            "session": "session-1",
            "session_ends": now + timedelta(hours=8),
            "participant": "i" + "0" * 40,
            **changed,
        }
        return Grant(**values)

    def participant(
        self, partner: Partner, *, person: str = "person-1", **changed: Any
    ) -> tuple[Participant, Visit]:
        """Open a session in which the partner was answered; return its part and the browser's visit."""
        now = self.clock.now()
        proof = Proof(person=person, factor="password", kinds=frozenset({Kind.KNOW}), amr=("pwd",), at=now)
        session = self.sessions.prepare(person=person, proofs=[proof], stay=False, now=now)
        values: dict[str, Any] = {
            "id": new_id(),
            "session": session.id,
            "person": person,
            "partner": partner.id,
            "door": "saml",
            "issuer": partner.issuer,
            "subject": Subject(
                value=f"pairwise-{person}", form=SubjectForm.PAIRWISE, qualifier=partner.identifier
            ),
            **changed,
        }
        participant = Participant(**values)
        with self.store.write() as unit:
            secret = self.sessions.open(unit, session)
            self.sessions.join(unit, participant, now)
        return participant, replace(NOBODY, session=secret, browser="browser")

    def lives(self, participant: Participant) -> bool:
        with self.store.read() as connection:
            return self.sessions.alive(connection, participant.session, self.clock.now())


def subject(request: SignInRequest) -> Subject:
    values = {SubjectForm.EMAIL: "ada@example.com", SubjectForm.PAIRWISE: "pairwise-1"}
    qualifier = "" if request.subject is SubjectForm.EMAIL else request.subject_qualifier
    return Subject(
        value=values.get(request.subject, "transient-1"), form=request.subject, qualifier=qualifier
    )


def message_of(reply: Reply, name: str = "SAMLResponse") -> etree._Element:
    """Return the message that a reply posts."""
    assert reply.fields is not None
    return etree.fromstring(base64.b64decode(reply.fields[name]))


def build(template: Path, folder: Path, clock: Clock | None = None) -> House:
    """Build the room over a copy of the prepared database."""
    clock = clock or TestClock()
    store = backends.hasten(open_store(backends.copy(backends.CHOSEN, template, folder)))
    sealer = Sealer(MasterKey.load_or_create(folder / "master.key"))
    issuers, keys, partners = Issuers(store), KeyRing(store, sealer, clock), Partners(store)
    state, sessions = backends.state_beside(store, folder, clock), Sessions(Lifetimes())
    gate = Gate(partners=partners, issuers=issuers, state=state, clock=clock)
    logout = Logout(gate=gate, keys=keys, store=store, sessions=sessions)
    return House(
        clock=clock,
        store=store,
        sealer=sealer,
        state=state,
        partners=partners,
        issuers=issuers,
        keys=keys,
        sessions=sessions,
        gate=gate,
        inbound=Inbound(gate=gate),
        logout=logout,
        door=SamlDoor(partners=partners, issuers=issuers, keys=keys, logout=logout, clock=clock),
        metadata=Metadata(issuers=issuers, keys=keys),
    )
