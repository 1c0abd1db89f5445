"""The seams between rooms, each at most five methods wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from idp.core.errors import Denied
from idp.core.model import (
    Asked,
    Enrolment,
    Grant,
    Method,
    Offer,
    Participant,
    Person,
    Proof,
    Reply,
    SignIn,
    SignInRequest,
)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""


@dataclass(frozen=True, slots=True)
class Held:
    """A value in flight and the version that `cas` compares."""

    value: str
    version: int


class State(Protocol):
    """Things in flight that may vanish or step back a second.

    A key lives for the ttl of the call that created it; `cas` and `incr` never extend it.
    """

    def put(self, key: str, value: str, ttl: timedelta, *, absent: bool = False) -> bool:
        """Store a value; with absent only when no live one exists. Return whether stored."""

    def get(self, key: str) -> Held | None:
        """Return the live value and its version, or None."""

    def pop(self, key: str) -> str | None:
        """Return and delete the live value: of several callers exactly one gets it."""

    def cas(self, key: str, version: int, value: str) -> bool:
        """Replace the value if its version is still the one given; the new version is one more.

        Return whether replaced.
        """

    def incr(self, key: str, ttl: timedelta) -> int:
        """Add one to a counter, made with the ttl if absent. Return the new count."""


class Signer(Protocol):
    """Signs with one key; the private part may live elsewhere."""

    @property
    def kid(self) -> str:
        """Return the key's id."""

    @property
    def certificate(self) -> str:
        """Return the key's certificate, PEM."""

    def sign(self, alg: str, data: bytes) -> bytes:
        """Sign data; alg is a JWA name (RS256, ES256). ES256 gives r || s, 64 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a partner can be told that a session is over.

    With a reply it is told by the browser and answers; frame is an address to load in a hidden
    frame, whose effect nobody can see. Supported without either: it is told behind the
    browser's back. Not supported: it can't be told, and the person is told so. ours: it is a page of
    our own, of which nothing need be said.
    """

    supported: bool
    reply: Reply | None = None
    frame: str = ""
    ours: bool = False


class Door(Protocol):
    """A protocol by which partners send people and are answered."""

    @property
    def name(self) -> str:
        """Return the door's name, as partners and requests carry it."""

    @property
    def keeps_grants(self) -> bool:
        """Say whether the partner comes back for the grant with its handle."""

    def answer(self, grant: Grant) -> Reply:
        """Return the reply that says the grant."""

    def deny(self, request: SignInRequest, denied: Denied) -> Reply:
        """Return the reply that says no, in the partner's protocol."""

    def end(self, participant: Participant, *, chain: str) -> Ending:
        """Say how the partner is told that the session ended; chain comes back with its answer."""

    def signed_out(self, finish: Mapping[str, str], *, complete: bool) -> Reply:
        """Return the reply to the partner that started a sign-out; complete: all were told."""


class Factor(Protocol):
    """One way to prove who you are."""

    @property
    def name(self) -> str:
        """Return the factor's name."""

    def offer(self, person: Person | None, methods: Sequence[Method]) -> Sequence[Offer]:
        """Return what of this factor could be asked of the person now, None when nobody is known yet.

        methods are the person's registered methods, of every factor.
        """

    def start(self, sign_in: SignIn, offer: Offer) -> Asked:
        """Begin asking; send what needs sending. Raises Refused when it can't be asked now."""

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return whom the answer is about, as a key for counting attempts.

        Must not depend on whether such a person exists.
        """

    def prove(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        """Check the answer to what was asked. Raises Refused when it is wrong."""


@runtime_checkable
class Enroller(Protocol):
    """Sets up a new method of one factor."""

    @property
    def name(self) -> str:
        """Return the factor's name."""

    def propose(self, person: Person) -> Offer | None:
        """Return what the person could set up now, None when it can't be (nothing would arrive)."""

    def begin(self, sign_in: SignIn, person: Person) -> Enrolment:
        """Return a draft to be confirmed."""

    def show(self, person: Person, enrolment: Enrolment) -> Mapping[str, object]:
        """Return what the page shows of the draft (QR code, key); never stored or logged."""

    def confirm(
        self, sign_in: SignIn, person: Person, enrolment: Enrolment, answer: Mapping[str, str]
    ) -> NewMethod | Enrolment:
        """Check the person's answer; return the method, or the next draft when more is to be asked.

        Raises Refused when the answer is wrong, Unchecked when there was nothing to compare.
        """


class Pending(StrEnum):
    """How it stands with something that happens elsewhere than on the page."""

    WAITING = "waiting"
    SETTLED = "settled"  # sending the form takes up what came of it
    OVER = "over"  # nothing comes any more: the person has to ask anew


@runtime_checkable
class OutOfBand(Protocol):
    """A factor whose answer does not come from the page: a push, a call."""

    def outcome(self, sign_in: SignIn) -> Pending:
        """Say how it stands with what was asked, or is being set up; changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMethod:
    """A confirmed method, ready to be stored, and the proof that confirming it gave.

    codes are stored as hashes under the secret as their key; each can be used once. id is given
    where it is known by one already.
    """

    factor: str
    label: str
    secret: bytes
    counter: int
    data: Mapping[str, str]
    proof: Proof
    codes: tuple[str, ...] = ()
    ends_at: datetime | None = None
    id: str = ""


class Source(Protocol):
    """Where people come from: checks passwords, knows attributes. People are linked by source_key."""

    @property
    def name(self) -> str:
        """Return the source's name, as people's records carry it."""

    def check_password(self, source_key: str | None, password: str) -> bool:
        """Say whether the password is right; with None do the same work and say no."""

    def attributes(self, source_key: str) -> Mapping[str, tuple[str, ...]]:
        """Return the attributes the source knows of the person, by LDAP name."""


class Carrier(Protocol):
    """Takes text messages or mail to people; one that we have an account with, or our own."""

    @property
    def name(self) -> str:
        """Return the name that the operator gave it."""

    @property
    def kind(self) -> str:
        """Return what it takes: "text" or "mail"."""

    def send(self, parcel: Parcel) -> Handover:
        """Hand a message over, within seconds; what goes wrong is in what comes back."""

    def receipt(self, call: Callback) -> Receipt | None:
        """Return what a call to the parcel's receipts address says about it in the end.

        None when it says nothing final. Raises Refused when the call is not the carrier's.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A message on its way: to is a number (E.164) or a mail address; a text has no subject.

    key is the same each time the message is tried. receipts is an address, known to the carrier
    alone, that takes reports about it.
    """

    to: str = field(repr=False)
    text: str = field(repr=False)
    subject: str = field(default="", repr=False)
    key: str
    receipts: str = field(default="", repr=False)
    at: datetime


class Taken(StrEnum):
    """Whether a carrier took a message."""

    YES = "yes"
    NEVER = "never"  # it said no, and would say it again
    NOT_NOW = "not now"  # it certainly has not; another time it may
    PERHAPS = "perhaps"  # it got the message, or may have, and did not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What a carrier said: its own id of the message, or why not, in a word that quotes nothing of it."""

    taken: Taken
    reference: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A call that came in: the address as carriers know it, fields of query and form or JSON."""

    address: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    posted: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a message in the end; reason is the carrier's code when it did not arrive."""

    arrived: bool
    reason: str = ""
