"""What travels through a sign-in: frozen values, no Flask, no XML, no JOSE.

SignInRequest -> SignIn -> Proof -> Grant -> Reply.  A door makes the request, factors
make proofs, the flow makes the grant, the door turns the grant into the reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a factor shows about a person; two factors means two different kinds."""

    KNOW = "know"
    HAVE = "have"
    ARE = "are"


class Strength(StrEnum):
    """How well a person was authenticated, weakest first."""

    ONE = "one"
    TWO = "two"
    PHISHING_RESISTANT = "phishing-resistant"

    @property
    def rank(self) -> int:
        """Return the place in the order, 0 for the weakest."""
        return tuple(Strength).index(self)


class SubjectForm(StrEnum):
    """In which form a partner wants to know a person."""

    PUBLIC = "public"  # the person's own opaque id, the same at every partner
    PAIRWISE = "pairwise"  # an opaque id of this person at this partner, stored
    TRANSIENT = "transient"  # a new opaque id each time
    EMAIL = "email"  # a mail address: the mail attribute, or the one that is named
    ATTRIBUTE = "attribute"  # the value of the attribute that is named


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Facts about where a browser comes from, as far as they can be trusted."""

    address: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one HTTP request brings along besides its form: cookies and network facts.

    browser, session and device are the secrets found in cookies, empty when absent.
    """

    browser: str
    session: str
    device: str
    network: Network
    correlation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRequest:
    """A partner's verified request to sign somebody in.

    reply_to was already matched against what the partner registered. max_age is in seconds.
    expected_person is a person id the answer must be about (id_token_hint). confirm names questions the
    partner wants asked ("account", "consent"). consent holds the scopes that the person must have agreed
    to, now or earlier. subject_attribute goes with the subject forms that come from one. wanted names the
    attributes to say out of those that may be released, None for all; needed those the partner cannot do
    without. offline asks for access that outlives the session (offline_access). register is the factor of
    which a method is to be set up. reset: not an answer is wanted, but a new password for who forgot it.
    echo is private to the door that made the request.
    """

    door: str
    issuer: str
    partner: str
    reply_to: str
    force: bool = False
    silent: bool = False
    max_age: int | None = None
    strength: Strength | None = None
    subject: SubjectForm = SubjectForm.PAIRWISE
    subject_qualifier: str = ""
    subject_attribute: str = ""
    wanted: tuple[str, ...] | None = None
    needed: tuple[str, ...] = ()
    confirm: tuple[str, ...] = ()
    consent: tuple[str, ...] = ()
    expected_person: str = ""
    hint: str = ""
    locale: str = ""
    offline: bool = False
    register: str = ""
    reset: bool = False
    echo: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One way to prove something, that could be asked of a person now.

    method is the id of a registered method, empty for a factor that has none (password).
    label is shown to the person ("Authenticator app"), detail beside it, untranslated, to tell
    one from another ("+1 •••-•••-••67"). Both must not reveal more than a holder of the first
    factor may see. beside: it can be answered on the page of another, unasked. opening: it is to
    open the sign-in, and must show all that it can.
    """

    factor: str
    method: str = ""
    label: str = ""
    detail: str = ""
    beside: bool = False
    opening: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the person was last asked for; `prove` accepts nothing else.

    challenge is private to the factor and its page; secrets in it are sealed.
    """

    factor: str
    method: str = ""
    challenge: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A method being set up inside a sign-in, not counted until it was confirmed.

    draft is private to the factor; secrets in it are sealed.
    """

    factor: str
    draft: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One thing a person has shown: made by a factor, counted by policy.

    amr holds RFC 8176 values. at is when it was shown. detail is recorded with it. remembered is the
    id of the known browser on which it was shown earlier, and that stands in for it now.
    """

    person: str
    factor: str
    method: str = ""
    kinds: frozenset[Kind]
    amr: tuple[str, ...]
    at: datetime
    user_verified: bool = False
    phishing_resistant: bool = False
    issuer: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
    remembered: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A sign-in under way: the only thing kept between two pages.

    browser is the SHA-256 of the browser cookie that the sign-in belongs to. network is where it was last
    seen. session is the id of the session whose proofs it started with, if any. beside can be answered on
    the page of what was asked. confirmed names the questions already answered. ended is set when the
    sign-in may not go on, whatever is proved. remember: this browser is to stand in for the second factor
    from now on.
    """

    id: str
    request: SignInRequest
    browser: str
    network: Network
    started_at: datetime
    expires_at: datetime
    proofs: tuple[Proof, ...] = ()
    asked: Asked | None = None
    beside: tuple[Asked, ...] = ()
    enrolment: Enrolment | None = None
    confirmed: tuple[str, ...] = ()
    session: str = ""
    stay: bool = False
    remember: bool = False
    ended: str = ""
    denied: str = ""
    correlation: str = ""

    @property
    def person(self) -> str:
        """Return the id of the person the proofs are about, empty before the first."""
        return self.proofs[0].person if self.proofs else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement about a person; a list of these travels everywhere.

    type is an attribute name of LDAP or eduPerson ("mail") or a claim URI.  rule says
    which rule made it.
    """

    type: str
    value: str
    value_type: str = "string"
    issuer: str = ""
    original_issuer: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom an answer is about, in the form the partner knows the person by."""

    value: str
    form: SubjectForm
    qualifier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What we are ready to say to one partner; made by `signin.flow` alone.

    participant identifies this partner within the session (SAML SessionIndex, OIDC sid).
    acr is the strength reached, which each door says in its own vocabulary. handle is a
    one-time secret by which the grant can be fetched later (an OIDC code); empty when
    the door does not keep grants. session_ends is when single sign-on ends. address is where
    the person signed in from, for checking the grant again later.
    """

    id: str
    request: SignInRequest
    person: str
    subject: Subject
    claims: tuple[Claim, ...]
    amr: tuple[str, ...]
    acr: Strength
    authenticated_at: datetime
    issued_at: datetime
    session: str
    session_ends: datetime
    participant: str
    address: str = ""
    handle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Where the browser goes next: follow the address, or post the fields to it.

    fields None means follow.
    """

    address: str
    fields: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person as the service knows them: always a local record with an opaque id.

    attributes maps LDAP names to values. may_enrol is True until the first method was
    registered (and again when an administrator removed the last one). recovery_due is True from
    then until the person saved recovery codes. What was proved before proofs_from counts no more;
    until blocked_until everything is denied. preferred is the method to be asked for first, as
    "factor:id". methods_seen_at is when the person last set one up, or said that they are still right.
    """

    id: str
    source: str
    source_key: str
    name: str
    display_name: str
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    enabled: bool = True
    may_enrol: bool = True
    recovery_due: bool = False
    proofs_from: datetime | None = None
    blocked_until: datetime | None = None
    preferred: str = ""
    methods_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """Who may enter a partner; empty lists mean everyone."""

    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """An application that trusts us: what every door shares, and the door's settings.

    identifier is the entity id or client id. release lists the attribute names given to
    the partner. settings is the door's own part, read by `partners.saml_settings` and
    `partners.oidc_settings`. revision changes with every change.
    """

    id: str
    door: str
    identifier: str
    name: str
    issuer: str
    enabled: bool = True
    release: tuple[str, ...] = ()
    access: AccessPolicy = field(default_factory=AccessPolicy)
    settings: Mapping[str, object] = field(default_factory=dict)
    notes: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One face of the service towards partners; there is no global entity id.

    base_url has no trailing slash.
    """

    id: str
    base_url: str
    entity_id: str
    key_set: str

    @property
    def oidc(self) -> str:
        """Return the OpenID Connect issuer identifier."""
        return self.base_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A registered way to prove something; its secret stays in the methods room.

    counter is the last time step or counter that was accepted, -1 before the first. ends_at is
    when it stops working by itself, None for never.
    """

    id: str
    person: str
    factor: str
    label: str
    created_at: datetime
    last_used_at: datetime | None = None
    counter: int = -1
    data: Mapping[str, str] = field(default_factory=dict)
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A partner that was answered within a session, and what it needs at sign-out.

    id is what the partner knows the session by (SessionIndex, sid).
    """

    id: str
    session: str
    person: str
    partner: str
    door: str
    issuer: str
    subject: Subject


class Role(StrEnum):
    """What a person may do at the desk."""

    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks the desk for something: the command line, a job, or a person."""

    kind: str
    id: str
    roles: tuple[str, ...] = ()
