"""Browsers that stand in, and what is set up, confirmed and asked first on the way, as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp.core.model import Strength
from idp.policy.decide import decide
from idp.policy.model import Ask, Campaign, Confirm, Facts, Register, Rule, Snoozed, Verdict
from tests.policy.cases import (
    ALICE,
    CHANGED_BEFORE,
    DAY,
    KEY,
    NOW,
    OLD,
    PW,
    SMS,
    TOTP,
    asks,
    facts,
    proof,
    rule,
    silent,
)
from tests.policy.test_table import (
    ASK_KEY,
    ASK_PASSWORD,
    ASK_TOTP,
    CODE,
    DUE,
    ISSUE,
    KEY_RULE,
    NO_METHOD,
    SAVE_CODES,
    SMS_RULE,
    TELL_LEFT,
    TOTP_PROOF,
    TOTP_RULE,
    WITH_CODES,
    Row,
)

FOR_A_WEEK = [rule(remember_days=7)]
HERE = proof("totp", 2 * DAY, remembered="b")
NEWER = proof("totp", 0, remembered="b")
KEPT_KEY, KEPT_PW = (proof(factor, 2 * DAY, remembered="b") for factor in ("passkey", "password"))
AGED_KEY = [rule("aged", when={"older_than": 3600}, strength=Strength.PHISHING_RESISTANT)]
OLD_PW_TOO = (proof("password", 7200),)
MORE = Register(factors=("key",), left=None)
SAFER = Campaign(methods=("key",), snoozes=2, days=3)
CAMPAIGN, CAMPAIGN_TOO = ([rule(name, campaign=SAFER)] for name in ("rule", "too"))
CAMPAIGNED = Register(factors=("key",), left=2, rule="rule")
HARD = rule("hard", campaign=replace(SAFER, snoozes=0))
BOTH_KINDS, HAS_TO = [*CAMPAIGN, HARD], Register(factors=("key",), left=0, rule="hard")
REQUIRED = replace(CAMPAIGNED, left=0)
LONG_AGO = Snoozed(times=1, at=NOW - timedelta(days=3))
METHODS = Confirm(what="methods")
LOOKED = replace(ALICE, methods_seen_at=NOW - timedelta(days=9))
NINE = rule("b", reconfirm_days=9)
PREFERS = replace(ALICE, preferred="totp:m1")
STRONGEST, KEY_FIRST = [rule(strongest_first=True)], Ask(offers=(KEY, TOTP))


def first_set_up(**changes: object) -> Facts:
    given = {"person": DUE, "enrollable": ("key", *WITH_CODES), "registered": ("totp",)}
    return facts(**{**given, "confirmed": ("registered",), **changes})  # type: ignore[arg-type]


def has_app(**changes: object) -> Facts:
    return facts(**{"enrollable": ("key", *WITH_CODES), "registered": ("totp",), **changes})  # type: ignore[arg-type]


REMEMBERED: list[Row] = [
    ("a browser stands in where a rule lets it", FOR_A_WEEK, facts(*PW, HERE), ISSUE),
    ("nowhere else", [], facts(*PW, HERE), ASK_TOTP),
    ("for no longer than that", FOR_A_WEEK, facts(*PW, proof("totp", 8 * DAY, remembered="b")), ASK_TOTP),
    ("the fewest days count", [*FOR_A_WEEK, rule("b", remember_days=1)], facts(*PW, HERE), ASK_TOTP),
    ("none forbids it", [*FOR_A_WEEK, rule("b", remember_days=0)], facts(*PW, HERE), ASK_TOTP),
    ("not even what is newer than the sign-in", [rule(remember_days=0)], facts(*PW, NEWER), ASK_TOTP),
    ("it opens nothing", FOR_A_WEEK, facts(HERE), ASK_PASSWORD),
    ("nor does a passkey that it remembers", FOR_A_WEEK, facts(KEPT_KEY), ASK_PASSWORD),
    ("which is one kind", FOR_A_WEEK, facts(*PW, KEPT_KEY), ISSUE),
    ("and resists nothing", [*FOR_A_WEEK, *KEY_RULE], facts(*PW, KEPT_KEY, offers=(KEY,)), ASK_KEY),
    ("a password is never remembered", FOR_A_WEEK, facts(TOTP_PROOF, KEPT_PW), ASK_PASSWORD),
    ("nor what stood in itself", FOR_A_WEEK, facts(*PW, replace(CODE, remembered="b")), ASK_TOTP),
    ("not where the method is not accepted", [*FOR_A_WEEK, *SMS_RULE], facts(*PW, HERE), NO_METHOD),
    (
        "not where it is to be fresh",
        [*FOR_A_WEEK, rule("b", fresh_within=9 * DAY)],
        facts(*PW, HERE),
        ASK_TOTP,
    ),
    ("not within max_age", FOR_A_WEEK, asks(*PW, HERE, max_age=10**9), ASK_TOTP),
    ("not past force", FOR_A_WEEK, asks(*PW, HERE, force=True), ASK_TOTP),
    ("from before the password changed", FOR_A_WEEK, facts(*PW, HERE, person=CHANGED_BEFORE), ASK_TOTP),
    ("another's", FOR_A_WEEK, facts(*PW, replace(HERE, person="i-bob")), ASK_TOTP),
    ("an age that only it has has it asked anew", [*FOR_A_WEEK, *AGED_KEY], facts(*PW, HERE), ASK_TOTP),
    ("an age that all have", [*FOR_A_WEEK, *AGED_KEY], facts(*OLD_PW_TOO, HERE, offers=(KEY,)), ASK_KEY),
    ("nothing is set up behind it", FOR_A_WEEK, facts(*PW, HERE, person=DUE, enrollable=WITH_CODES), ISSUE),
    ("in silence", FOR_A_WEEK, silent(*PW, HERE), ISSUE),
]

ON_THE_WAY: list[Row] = [
    ("a second way after the first", [], first_set_up(), MORE),
    ("not if it was put off", [], first_set_up(confirmed=("registered", "later")), SAVE_CODES),
    ("not if there are two", [], first_set_up(registered=("totp", "key")), SAVE_CODES),
    ("nor what rules don't accept", TOTP_RULE, first_set_up(), ISSUE),
    ("nor in silence", [], first_set_up(asks={"silent": True}), ISSUE),
    ("nor at another sign-in", [], first_set_up(confirmed=()), SAVE_CODES),
    ("nor where something else was wished for", [], first_set_up(asks={"register": "totp"}), SAVE_CODES),
    ("a campaign", CAMPAIGN, has_app(), Register(factors=("key",), left=2, rule="rule")),
    ("put off for today", CAMPAIGN, has_app(confirmed=("later",)), ISSUE),
    ("put off the other day", CAMPAIGN, has_app(snoozed={"rule": Snoozed(times=1, at=NOW)}), ISSUE),
    ("another was put off", CAMPAIGN, has_app(snoozed={"x": Snoozed(times=1, at=NOW)}), CAMPAIGNED),
    ("put off before that", CAMPAIGN, has_app(snoozed={"rule": LONG_AGO}), replace(CAMPAIGNED, left=1)),
    ("as often as it may", CAMPAIGN, has_app(snoozed={"rule": replace(LONG_AGO, times=2)}), REQUIRED),
    (
        "more often than it may today",
        CAMPAIGN,
        has_app(snoozed={"rule": replace(LONG_AGO, times=9)}),
        REQUIRED,
    ),
    ("one that is required goes before one that is not", BOTH_KINDS, has_app(), HAS_TO),
    ("and is not silenced with the other", BOTH_KINDS, has_app(confirmed=("later",)), HAS_TO),
    ("required, behind an old password", [HARD], has_app(proofs=(OLD[0], proof("totp"))), ASK_PASSWORD),
    ("not required, behind an old password", CAMPAIGN, has_app(proofs=(OLD[0], proof("totp"))), ISSUE),
    ("required, by single sign-on", [HARD], has_app(proofs=OLD), ISSUE),
    ("required, after something was set up", [HARD], has_app(confirmed=("registered",)), ISSUE),
    ("it is there", CAMPAIGN, has_app(registered=("totp", "key")), ISSUE),
    ("it can't be set up", CAMPAIGN, has_app(enrollable=("totp",)), ISSUE),
    ("codes are not campaigned for", [rule(campaign=Campaign(methods=("recovery",)))], has_app(), ISSUE),
    ("a campaign in silence", CAMPAIGN, has_app(asks={"silent": True}), ISSUE),
    ("a campaign by single sign-on", CAMPAIGN, has_app(proofs=OLD), ISSUE),
    ("a campaign behind a recovery code", CAMPAIGN, has_app(proofs=(*PW, CODE)), TELL_LEFT),
    ("a campaign behind a browser", [*FOR_A_WEEK, *CAMPAIGN_TOO], has_app(proofs=(*PW, HERE)), ISSUE),
    ("methods that nobody confirmed", [rule(reconfirm_days=90)], facts(), METHODS),
    ("confirmed just now", [rule(reconfirm_days=90)], facts(confirmed=("methods",)), ISSUE),
    ("confirmed lately", [rule(reconfirm_days=90)], facts(person=LOOKED), ISSUE),
    ("confirmed too long ago", [rule(reconfirm_days=9)], facts(person=LOOKED), METHODS),
    ("the fewest days until then count", [rule(reconfirm_days=90), NINE], facts(person=LOOKED), METHODS),
    ("confirmed, not in silence", [rule(reconfirm_days=9)], silent(), ISSUE),
    ("confirmed, not by single sign-on", [rule(reconfirm_days=9)], facts(*OLD), ISSUE),
    ("confirmed, not behind a recovery code", [rule(reconfirm_days=9)], facts(*PW, CODE), TELL_LEFT),
    ("the preferred first", [], facts(*PW, offers=(KEY, TOTP), person=PREFERS), Ask(offers=(TOTP, KEY))),
    (
        "the strongest first",
        STRONGEST,
        facts(*PW, offers=(KEY, TOTP), person=PREFERS),
        Ask(offers=(KEY, TOTP)),
    ),
    ("a preferred that is gone", [], facts(*PW, offers=(KEY, SMS), person=PREFERS), Ask(offers=(KEY, SMS))),
]


@pytest.mark.parametrize(
    ("rules", "given", "expected"),
    [pytest.param(*row[1:], id=row[0]) for row in (*REMEMBERED, *ON_THE_WAY)],
)
def test_verdict(rules: list[Rule], given: Facts, expected: Verdict) -> None:
    assert decide(rules, given).verdict == expected
