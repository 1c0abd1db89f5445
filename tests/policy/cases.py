"""What the policy's tests are written with: one sign-in's facts, varied by keyword."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from idp.app.factors import WORTHS
from idp.core.model import AccessPolicy, Kind, Offer, Partner, Person, Proof, SignInRequest, Strength
from idp.policy.model import Conditions, Controls, FactorWorth, Facts, Rule

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STARTED = NOW - timedelta(minutes=2)
HOUR = 3600
DAY = 24 * HOUR

# What is to come, so that the decision is tested whole before its factors exist.
COMING: Mapping[str, FactorWorth] = {
    "key": FactorWorth(kinds=frozenset({Kind.HAVE}), amr=("hwk",), phishing_resistant=True),
}
WORTH = {**WORTHS, **COMING}

PASSWORD = Offer(factor="password")
TOTP = Offer(factor="totp", method="m1")
SMS = Offer(factor="sms", method="m2")
KEY = Offer(factor="key", method="m3")

ALICE = Person(
    id="i-alice",
    source="local",
    source_key="i-alice",
    name="alice",
    display_name="Alice",
    groups=("staff", "Finance"),
    may_enrol=False,
)
NEWCOMER = replace(ALICE, may_enrol=True)
DISABLED = replace(ALICE, enabled=False)
# The proofs below are a minute old.
CHANGED = replace(ALICE, proofs_from=NOW - timedelta(seconds=59))
CHANGED_BEFORE = replace(ALICE, proofs_from=NOW - timedelta(seconds=60))
APP = Partner(id="i-app", door="saml", identifier="https://app.example.com/sp", name="App", issuer="i-main")
GUARDED = replace(APP, access=AccessPolicy(people=("bob",), groups=("payroll",)))
CLOSED = replace(APP, enabled=False)


def proof(factor: str, ago: float = 60, **changes: Any) -> Proof:
    """Give Alice's proof of a factor, made so many seconds before now."""
    worth = WORTH[factor]
    made = Proof(
        person=ALICE.id,
        factor=factor,
        kinds=worth.kinds,
        amr=worth.amr,
        phishing_resistant=worth.phishing_resistant,
        at=NOW - timedelta(seconds=ago),
    )
    return replace(made, **changes)


PW = (proof("password"),)
BOTH = (proof("password"), proof("totp"))
OLD_PW, OLD_TOTP = OLD = (proof("password", 9 * HOUR), proof("totp", 9 * HOUR))

ALL = Facts(
    request=SignInRequest(
        door="saml", issuer="i-main", partner=APP.id, reply_to="https://app.example.com/acs"
    ),
    partner=APP,
    person=ALICE,
    proofs=BOTH,
    offers=(TOTP, PASSWORD),
    enrollable=("totp",),
    confirmed=(),
    address="203.0.113.7",
    started_at=STARTED,
    now=NOW,
    worths=WORTH,
)


def facts(*proofs: Proof, asks: Mapping[str, Any] | None = None, **changes: Any) -> Facts:
    """Give the facts of a sign-in of Alice; asks changes the request. No proofs means both."""
    request = replace(ALL.request, **(asks or {}))
    return replace(ALL, **{"proofs": proofs or BOTH, "request": request, **changes})


def nobody(**changes: Any) -> Facts:
    """Give the facts before the first proof."""
    return facts(**{"person": None, "proofs": (), "offers": (PASSWORD,), **changes})


def newcomer(**changes: Any) -> Facts:
    """Give the facts of a person who has a password only, just given."""
    return facts(*PW, **{"person": NEWCOMER, "offers": (PASSWORD,), **changes})


def asks(*proofs: Proof, **request: Any) -> Facts:
    """Give the facts when the partner asks for something."""
    return facts(*proofs, asks=request)


def silent(*proofs: Proof, **request: Any) -> Facts:
    """Give the facts when the partner wants no page."""
    return facts(*proofs, asks={"silent": True, **request})


def rule(name: str = "rule", *, when: Mapping[str, Any] | None = None, **controls: Any) -> Rule:
    """Give a rule with these controls under these conditions."""
    return Rule(id=name, name=name, conditions=Conditions(**(when or {})), controls=Controls(**controls))


def one(**when: Any) -> list[Rule]:
    """Give the rule that one factor is enough, under these conditions."""
    return [rule(when=when, strength=Strength.ONE)]


def deny(**when: Any) -> list[Rule]:
    """Give the rule that nobody enters, under these conditions."""
    return [rule(when=when, deny=True)]
