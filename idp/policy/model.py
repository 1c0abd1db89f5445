"""The policy's words: what a factor is worth, rules, the facts of one sign-in, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from idp.core.errors import Reason
from idp.core.model import (
    Kind,
    Offer,
    Partner,
    Person,
    Proof,
    SignInRequest,
    Strength,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorWorth:
    """What a factor's proof can be worth at most; a proof never counts for more.

    amr values are those of RFC 8176. first says whether it may open a sign-in, when it shows all
    that it can; no is then said to every answer that it does not accept, whatever the reason.
    stand_in: it helps out who has lost the own method or has none yet, and never makes a person
    registered. resets names what it is when the password was forgotten, "" for nothing that counts then:
    two factors of one name are one way. unsent: it can be shown beside a user name, before anything was
    sent to anybody; no is then said to every answer as well.
    """

    kinds: frozenset[Kind]
    amr: tuple[str, ...]
    first: bool = False
    no: str = ""
    phishing_resistant: bool = False
    stand_in: bool = False
    resets: str = ""
    unsent: bool = False


# By the factor's name. Two factors means two different kinds, so this decides what is multi-factor.
Worths = Mapping[str, FactorWorth]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """When a rule applies: every condition that is given must hold; an empty one always holds.

    people are ids or user names and groups are names, both compared as `core.ids.fold` gives
    them; partners are ids or identifiers (entity id, client id), compared exactly. Any one of
    a list is enough. networks are CIDR blocks, outside turns them around ("not from these"): an
    address that can't be read is outside of everything. older_than (seconds) holds when some
    factor that the person has proved was last proved at least that long ago. except_* switch
    the rule off.
    """

    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    outside: bool = False
    older_than: int | None = None
    except_people: tuple[str, ...] = ()
    except_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Have people add one of these factors: they may put it off so many times, for so many days each."""

    methods: tuple[str, ...]
    snoozes: int = 3
    days: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Snoozed:
    """How often a person put a campaign off, and when last."""

    times: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What a rule that applies demands. None and empty demand nothing.

    methods lists the factors accepted beside the password. fresh_within is in seconds,
    measured back from the start of the sign-in: 0 asks for everything anew. enrol_with_pass
    has a first method set up only by who proved a temporary access pass. For remember_days a browser
    may stand in for the second factor, if the person wishes; the fewest of all rules count, and 0
    forbids it. After reconfirm_days people are asked whether their methods are still right.
    strongest_first heeds the order of the factors alone, not what the person prefers.
    """

    deny: bool = False
    strength: Strength | None = None
    methods: tuple[str, ...] = ()
    fresh_within: int | None = None
    enrol_with_pass: bool = False
    remember_days: int | None = None
    reconfirm_days: int | None = None
    campaign: Campaign | None = None
    strongest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One policy rule. Every matching rule applies; deny wins, then the strictest wins."""

    id: str
    name: str
    conditions: Conditions = field(default_factory=Conditions)
    controls: Controls = field(default_factory=Controls)
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything `decide` looks at; nothing else influences a verdict.

    person is None before the first proof. offers are the ways this person could prove
    something now, best first; enrollable the factors that could be set up, if the person may
    enrol at all. confirmed names the questions already answered in this sign-in ("registered": what
    the request wished for was set up), agreed the scopes that the person let the partner have before.
    started_at is when the sign-in began, now when the verdict is wanted. worths are those of the
    factors in use. registered are the factors of the person's methods, snoozed the campaigns put off, by
    the rule's id. kept_here: the person's password is our own, and could be set anew.
    young are the ids of methods that were set up within a day.
    """

    request: SignInRequest
    partner: Partner
    person: Person | None
    proofs: tuple[Proof, ...]
    offers: tuple[Offer, ...]
    enrollable: tuple[str, ...]
    confirmed: tuple[str, ...]
    address: str
    started_at: datetime
    now: datetime
    worths: Worths
    agreed: frozenset[str] = frozenset()
    registered: tuple[str, ...] = ()
    snoozed: Mapping[str, Snoozed] = field(default_factory=dict)
    kept_here: bool = False
    young: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask for one of these, best first."""

    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Have the person set up one of these factors first.

    left is how often it may still be put off, None for any number of times. rule is the id of the
    rule whose campaign it is, "" when there is none.
    """

    factors: tuple[str, ...]
    left: int | None = 0
    rule: str = ""

    @property
    def optional(self) -> bool:
        """Say whether the person may go on without it."""
        return self.left != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """Ask the person one question ("account", "consent", "methods"), or tell of "codes" that are left."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """Say no, for this reason; rule names the rule that said so, if one did."""

    reason: Reason
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Everything is proved: a grant may be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Enough is proved for a new password, and for nothing else: no grant comes of it."""


Verdict = Ask | Register | Confirm | Deny | Issue | Reset


class Word(StrEnum):
    """The verdicts' names, as recorded."""

    ASK = "ask"
    REGISTER = "register"
    CONFIRM = "confirm"
    DENY = "deny"
    ISSUE = "issue"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict with its grounds, recorded with the sign-in.

    rules are the ids of the rules that applied. counted are the proofs that were accepted,
    reached the strength they add up to (None for none), required what was demanded. opened:
    something among them opens a sign-in. For remember days this browser may stand in for the second
    factor, if the person wishes; 0 for not at all.
    """

    verdict: Verdict
    rules: tuple[str, ...]
    counted: tuple[Proof, ...]
    reached: Strength | None
    required: Strength
    opened: bool = False
    remember: int = 0

    @property
    def word(self) -> Word:
        """Return the verdict's name."""
        return Word(type(self.verdict).__name__.lower())
