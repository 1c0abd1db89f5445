"""The decision as a table: rules, facts, and the verdict they must give."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp.app.factors import WORTHS
from idp.core.errors import Reason
from idp.core.model import AccessPolicy, Kind, Offer, Strength
from idp.policy.decide import decide
from idp.policy.model import Ask, Confirm, Deny, Facts, Issue, Register, Rule, Verdict
from tests.policy.cases import (
    ALICE,
    APP,
    BOTH,
    CHANGED,
    CHANGED_BEFORE,
    CLOSED,
    DAY,
    DISABLED,
    GUARDED,
    HOUR,
    KEY,
    OLD,
    OLD_PW,
    OLD_TOTP,
    PASSWORD,
    PW,
    SMS,
    STARTED,
    TOTP,
    asks,
    deny,
    facts,
    newcomer,
    nobody,
    one,
    proof,
    rule,
    silent,
)

ONE, TWO, RESISTANT = Strength
Row = tuple[str, list[Rule], Facts, Verdict]

ISSUE = Issue()
ASK_PASSWORD, ASK_TOTP, ASK_SMS, ASK_KEY = (Ask(offers=(offer,)) for offer in (PASSWORD, TOTP, SMS, KEY))
ACCOUNT, CONSENT = Confirm(what="account"), Confirm(what="consent")
DENY = Deny(reason=Reason.ACCESS, rule="rule")
NO_ENTRY = Deny(reason=Reason.ACCESS, rule="access policy of the application")
CLOSED_APP = Deny(reason=Reason.ACCESS, rule="the application is disabled")
NO_METHOD, CONTEXT = Deny(reason=Reason.NO_METHOD), Deny(reason=Reason.CONTEXT)
IS_DISABLED, OTHER = Deny(reason=Reason.PERSON_DISABLED), Deny(reason=Reason.OTHER_PERSON)
LOGIN, INTERACTION = Deny(reason=Reason.LOGIN_REQUIRED), Deny(reason=Reason.INTERACTION_REQUIRED)
NO_CONSENT = Deny(reason=Reason.CONSENT_REQUIRED)

TOTP_PROOF = proof("totp")
BOBS = (proof("password", person="i-bob"), proof("totp", person="i-bob"))
NOTHING = proof("password", kinds=frozenset())
EVERYTHING = proof("password", kinds=frozenset(Kind))
BOASTFUL = proof("totp", kinds=frozenset(Kind), amr=("otp", "mfa", "hwk"), phishing_resistant=True)
TOUCH = proof("passkey", kinds=frozenset({Kind.HAVE}))
RETINA = replace(TOTP_PROOF, factor="retina")
ALICE_ONLY, FINANCE_ONLY = AccessPolicy(people=("ALICE",)), AccessPolicy(people=("bob",), groups=("finance",))
FROM = {"networks": ("203.0.113.0/24",)}  # where the sign-in comes from
AWAY = {"networks": ("10.0.0.0/8",)}
OUTSIDE, OUTSIDE_AWAY = {**FROM, "outside": True}, {**AWAY, "outside": True}
UNREADABLE = {"networks": ("203.0.113.0/99",)}
KEY_RULE = [rule(strength=RESISTANT)]
WITHIN_HOUR = [rule(fresh_within=HOUR)]
AFTER_8, AFTER_10 = ([rule(when={"older_than": hours * HOUR}, fresh_within=0)] for hours in (8, 10))
SMS_RULE = [rule(methods=("sms",))]
SMS_TWICE = [rule("a", methods=("totp", "sms")), rule("b", methods=("sms", "key"))]
CODE = proof("recovery", 30)
BOTH_PASS = (*PW, proof("pass", 30))
PASS = Offer(factor="pass", method="m4")
DUE = replace(ALICE, recovery_due=True)
WITH_CODES = ("totp", "recovery")
SET_UP, SAVE_CODES = Register(factors=("totp",)), Register(factors=("recovery",))
TELL_LEFT = Confirm(what="codes")
TOTP_RULE = [rule(methods=("totp",))]
WITH_PASS = [rule(enrol_with_pass=True)]
WITH_PASS_AWAY = [rule(when=AWAY, enrol_with_pass=True)]
EDGE = tuple(replace(item, at=STARTED - timedelta(hours=1)) for item in BOTH)

DEFAULT: list[Row] = [
    ("nobody yet", [], nobody(), ASK_PASSWORD),
    ("nobody, nothing offered", [], nobody(offers=()), ASK_PASSWORD),
    ("nobody, but proofs", [], nobody(proofs=BOTH), ASK_PASSWORD),
    ("nobody: a second factor never opens", [], nobody(offers=(TOTP,)), ASK_PASSWORD),
    ("nobody: an unknown factor never opens", [], nobody(offers=(Offer(factor="x"),)), ASK_PASSWORD),
    ("password only", [], facts(*PW), ASK_TOTP),
    ("both", [], facts(), ISSUE),
    ("both, from a session", [], facts(*OLD), ISSUE),
    ("second factor only", [], facts(TOTP_PROOF), ASK_PASSWORD),
    ("the same kind twice", [], facts(*PW, proof("password", 5)), ASK_TOTP),
    ("two of what one has", [], facts(TOTP_PROOF, proof("sms")), ASK_PASSWORD),
    ("a passkey alone is two kinds", [], facts(proof("passkey")), ISSUE),
    ("newcomer sets one up", [], newcomer(), Register(factors=("totp",))),
    ("newcomer, the password from a session", [], newcomer(proofs=(OLD_PW,)), ASK_PASSWORD),
    ("newcomer, nothing to set up", [], newcomer(enrollable=()), NO_METHOD),
    ("newcomer, only unknown factors to set up", [], newcomer(enrollable=("x",)), NO_METHOD),
    ("newcomer: what is registered goes before setting up", [], newcomer(offers=(TOTP,)), ASK_TOTP),
    ("enrolment is closed", [], facts(*PW, offers=(PASSWORD,)), NO_METHOD),
]

STANDING_IN: list[Row] = [
    ("a password and a pass are two", [], facts(*PW, proof("pass", 30)), ISSUE),
    ("a password and a recovery code are two; left ones are told", [], facts(*PW, CODE), TELL_LEFT),
    ("told once", [], facts(*PW, CODE, confirmed=("codes",)), ISSUE),
    ("a recovery code of another day is not told of", [], facts(OLD_PW, replace(CODE, at=OLD_PW.at)), ISSUE),
    ("in silence nothing is told", [], silent(*PW, CODE), ISSUE),
    ("a pass alone opens nothing", [], facts(proof("pass")), ASK_PASSWORD),
    ("an app and a recovery code are one kind", [], facts(TOTP_PROOF, CODE), ASK_PASSWORD),
    ("a pass is not phishing-resistant", KEY_RULE, facts(*PW, proof("pass")), NO_METHOD),
    ("a newcomer's pass comes first", [], newcomer(offers=(PASSWORD, PASS)), Ask(offers=(PASS,))),
    ("a newcomer sets one up behind the pass", [], newcomer(proofs=BOTH_PASS), SET_UP),
    ("not with a pass of another day", [], newcomer(proofs=(*PW, proof("pass", 9 * HOUR))), ISSUE),
    ("a newcomer sets one up behind a code", [], newcomer(proofs=(*PW, CODE)), SET_UP),
    ("in silence none is set up", [], newcomer(proofs=BOTH_PASS, asks={"silent": True}), ISSUE),
    ("nor with the password of a session", [], newcomer(proofs=(OLD_PW, proof("pass", 30))), ISSUE),
    ("a stand-in is no first method", [], newcomer(enrollable=("recovery",)), NO_METHOD),
    ("enrolment by rule with a pass only", WITH_PASS, newcomer(), NO_METHOD),
    ("a pass opens it", WITH_PASS, newcomer(proofs=(*PW, proof("pass", 30))), SET_UP),
    ("a recovery code does not", WITH_PASS, newcomer(proofs=(*PW, CODE)), TELL_LEFT),
    ("the rule is for elsewhere", WITH_PASS_AWAY, newcomer(), SET_UP),
    ("recovery codes after a first method", [], facts(person=DUE, enrollable=WITH_CODES), SAVE_CODES),
    (
        "not by the password of a session",
        [],
        facts(OLD_PW, TOTP_PROOF, person=DUE, enrollable=WITH_CODES),
        ISSUE,
    ),
    ("not by single sign-on", [], facts(*OLD, person=DUE, enrollable=WITH_CODES), ISSUE),
    ("not by the password alone", one(), facts(*PW, person=DUE, enrollable=WITH_CODES), ISSUE),
    ("not in silence", [], facts(person=DUE, enrollable=WITH_CODES, asks={"silent": True}), ISSUE),
    ("not where rules accept none", TOTP_RULE, facts(person=DUE, enrollable=WITH_CODES), ISSUE),
]

PROOFS: list[Row] = [
    ("another person's proofs", [], facts(*BOBS), ASK_PASSWORD),
    ("another person's second factor", [], facts(*PW, BOBS[1]), ASK_TOTP),
    ("another person's password", [], facts(BOBS[0], TOTP_PROOF), ASK_PASSWORD),
    ("from before the person's password was changed", [], facts(*BOTH, person=CHANGED), ASK_PASSWORD),
    ("from the moment of the change on", [], facts(*BOTH, person=CHANGED_BEFORE), ISSUE),
    ("from the future", [], facts(*PW, proof("totp", -HOUR)), ASK_TOTP),
    ("from a node whose clock is a little ahead", [], facts(*PW, proof("totp", -2)), ISSUE),
    ("unknown factor", [], facts(*PW, RETINA), ASK_TOTP),
    ("unknown factors only", [], facts(RETINA), ASK_PASSWORD),
    ("claims more kinds than the table", [], facts(EVERYTHING), ASK_TOTP),
    ("claims no kind", [], facts(NOTHING), ASK_PASSWORD),
    ("no kind does not tell who is disabled", [], facts(NOTHING, person=DISABLED), ASK_PASSWORD),
    ("claims phishing resistance", KEY_RULE, facts(*PW, BOASTFUL), NO_METHOD),
    ("unknown offers are not made", [], facts(*PW, offers=(Offer(factor="x"), TOTP)), ASK_TOTP),
]

CONDITIONS: list[Row] = [
    ("people by name", one(people=("alice",)), facts(*PW), ISSUE),
    ("people by id", one(people=("i-alice",)), facts(*PW), ISSUE),
    ("people in another spelling", deny(people=("ＡLICE",)), facts(), DENY),
    ("other people", one(people=("bob",)), facts(*PW), ASK_TOTP),
    ("one of the groups", one(groups=("x", "staff")), facts(*PW), ISSUE),
    ("groups in another spelling", deny(groups=("FINANCE",)), facts(), DENY),
    ("no such group", one(groups=("x",)), facts(*PW), ASK_TOTP),
    ("partner by id", one(partners=("i-app",)), facts(*PW), ISSUE),
    ("partner by identifier", one(partners=(APP.identifier,)), facts(*PW), ISSUE),
    ("partner identifiers are exact", one(partners=(APP.identifier.upper(),)), facts(*PW), ASK_TOTP),
    ("partner names are no identifiers", one(partners=("App",)), facts(*PW), ASK_TOTP),
    ("every condition must hold", one(people=("alice",), groups=("x",)), facts(*PW), ASK_TOTP),
    ("except these people", one(except_people=("Alice",)), facts(*PW), ASK_TOTP),
    ("except this group", one(groups=("staff",), except_groups=("finance",)), facts(*PW), ASK_TOTP),
    ("except others", one(except_people=("bob",), except_groups=("x",)), facts(*PW), ISSUE),
    ("inside the network", one(**FROM), facts(*PW), ISSUE),
    ("inside, IPv4 in IPv6", one(**FROM), facts(*PW, address="::ffff:203.0.113.9"), ISSUE),
    ("not inside", one(**AWAY), facts(*PW), ASK_TOTP),
    ("outside", deny(**OUTSIDE_AWAY), facts(), DENY),
    ("not outside", deny(**OUTSIDE), facts(), ISSUE),
    ("garbage is inside nothing", one(**FROM), facts(*PW, address="203.0.113.7, a"), ASK_TOTP),
    ("garbage is outside", deny(**OUTSIDE), facts(address="a"), DENY),
    ("no address is outside", deny(**OUTSIDE), facts(address=""), DENY),
    ("an unreadable network holds nobody", one(**UNREADABLE), facts(*PW), ASK_TOTP),
    ("old enough", AFTER_8, facts(*OLD), ASK_PASSWORD),
    ("too young", AFTER_10, facts(*OLD), ISSUE),
    ("old, proved again: the rule lets go", AFTER_8, facts(*OLD, *BOTH), ISSUE),
    ("old, proved again, in any order", deny(older_than=8 * HOUR), facts(*BOTH, *OLD), ISSUE),
    ("old, to the second", [rule(when={"older_than": 9 * HOUR}, fresh_within=0)], facts(*OLD), ASK_PASSWORD),
    ("old, half proved again: it does not", AFTER_8, facts(*OLD, *PW), ASK_TOTP),
    ("another person's age", AFTER_8, facts(*BOTH, proof("sms", DAY, person="i-bob")), ISSUE),
    ("a disabled rule says nothing", [replace(one()[0], enabled=False)], facts(*PW), ASK_TOTP),
]

CONTROLS: list[Row] = [
    ("one", one(), facts(*PW), ISSUE),
    ("one, but only the code is fresh", one(), asks(OLD_PW, TOTP_PROOF, max_age=600), ASK_PASSWORD),
    ("the strictest wins", [*one(), rule(strength=TWO)], facts(*PW), ASK_TOTP),
    ("methods say nothing about strength", [rule(methods=("totp",))], facts(*PW), ASK_TOTP),
    ("resistant, met by a key", KEY_RULE, facts(*PW, proof("key")), ISSUE),
    ("resistant asks for the key only", KEY_RULE, facts(offers=(TOTP, KEY)), ASK_KEY),
    ("resistant: not asked for what is not enough", KEY_RULE, facts(*PW), NO_METHOD),
    ("resistant: no key by password past TOTP", KEY_RULE, facts(*PW, enrollable=("key",)), NO_METHOD),
    ("resistant newcomer", KEY_RULE, newcomer(enrollable=("key",)), Register(factors=("key",))),
    ("resistant: a touch alone opens nothing", KEY_RULE, facts(TOUCH, offers=(KEY,)), ASK_PASSWORD),
    ("a key alone is one kind", KEY_RULE, facts(proof("key")), ASK_PASSWORD),
    ("accepted method", [rule(methods=("totp",))], facts(), ISSUE),
    ("method not accepted", SMS_RULE, facts(offers=(TOTP, SMS)), ASK_SMS),
    ("no accepted method", SMS_RULE, facts(), NO_METHOD),
    ("nor an accepted one to set up", SMS_RULE, newcomer(), NO_METHOD),
    ("two lists: what both accept", SMS_TWICE, facts(offers=(TOTP, SMS, KEY)), ASK_SMS),
    ("unknown methods accept nothing", [rule(methods=("x",))], facts(), NO_METHOD),
    ("fresh within, met", WITHIN_HOUR, facts(), ISSUE),
    ("fresh within, all stale", WITHIN_HOUR, facts(*OLD), ASK_PASSWORD),
    ("fresh within, code stale", WITHIN_HOUR, facts(*PW, OLD_TOTP), ASK_TOTP),
    ("fresh within, password stale", WITHIN_HOUR, facts(OLD_PW, TOTP_PROOF), ASK_PASSWORD),
    ("fresh within, to the second", WITHIN_HOUR, facts(*EDGE), ISSUE),
    ("fresh within 0 counts from the start", [rule(fresh_within=0)], facts(started_at=BOTH[0].at), ISSUE),
    ("the shortest freshness wins", [rule(fresh_within=DAY), *WITHIN_HOUR], facts(*OLD), ASK_PASSWORD),
]

DENIALS: list[Row] = [
    ("deny wins", [*one(groups=("staff",)), *deny()], facts(), DENY),
    ("deny everyone, before the first proof", deny(), nobody(), DENY),
    ("deny a network, before the first proof", deny(**FROM), nobody(), DENY),
    ("deny a network, with stale proofs", deny(**FROM), asks(*OLD, force=True), DENY),
    ("deny a group: unknown is not in it", deny(groups=("staff",)), nobody(), ASK_PASSWORD),
    ("deny all but a group: unknown may be", deny(except_groups=("finance",)), nobody(), ASK_PASSWORD),
    ("deny all but a group: in it", deny(except_groups=("finance",)), facts(), ISSUE),
    ("deny all but a person: another", deny(except_people=("bob",)), facts(*PW), DENY),
    ("deny a person: stale is asked first", deny(people=("alice",)), asks(*OLD, force=True), ASK_PASSWORD),
    ("deny a person before the second factor", deny(people=("alice",)), facts(*PW), DENY),
    ("deny what is old: proved anew first", deny(older_than=HOUR), asks(*OLD, force=True), ASK_PASSWORD),
    ("disabled person", [], facts(person=DISABLED), IS_DISABLED),
    ("disabled person, before the second factor", [], facts(*PW, person=DISABLED), IS_DISABLED),
    ("disabled, stale", [], facts(*OLD, person=DISABLED, asks={"max_age": 60}), ASK_PASSWORD),
    ("disabled application", [], facts(partner=CLOSED), CLOSED_APP),
    ("disabled application, nobody yet", [], nobody(partner=CLOSED), CLOSED_APP),
    ("not on the access list", [], facts(partner=GUARDED), NO_ENTRY),
    ("not on the list, before the second factor", [], facts(*PW, partner=GUARDED), NO_ENTRY),
    ("not on the list, not yet known", [], nobody(partner=GUARDED), ASK_PASSWORD),
    ("on the list by name", [], facts(partner=replace(APP, access=ALICE_ONLY)), ISSUE),
    ("on the list by group", [], facts(partner=replace(APP, access=FINANCE_ONLY)), ISSUE),
    ("a lenient rule opens no access list", one(), facts(partner=GUARDED), NO_ENTRY),
]

REQUEST: list[Row] = [
    ("force", [], asks(*OLD, force=True), ASK_PASSWORD),
    ("force, password given anew", [], asks(*OLD, *PW, force=True), ASK_TOTP),
    ("force, both given anew", [], asks(*OLD, *BOTH, force=True), ISSUE),
    ("force undoes a longer max_age", [], asks(*OLD, force=True, max_age=10 * DAY), ASK_PASSWORD),
    ("max_age met", [], asks(*OLD, max_age=10 * HOUR), ISSUE),
    ("max_age passed", [], asks(*OLD, max_age=HOUR), ASK_PASSWORD),
    ("max_age 0", [], asks(proof("password", 121), proof("totp", 121), max_age=0), ASK_PASSWORD),
    ("max_age 0, given anew", [], asks(max_age=0), ISSUE),
    ("max_age negative counts as 0", [], asks(max_age=-(10**30)), ISSUE),
    ("max_age beyond all dates", [], asks(*OLD, max_age=10**30), ISSUE),
    ("max_age does not lengthen a rule", WITHIN_HOUR, asks(*OLD, max_age=DAY), ASK_PASSWORD),
    ("expected person", [], asks(expected_person="i-alice"), ISSUE),
    ("another person expected", [], asks(expected_person="i-bob"), OTHER),
    ("another person expected, stale", [], asks(*OLD, expected_person="i-bob", force=True), ASK_PASSWORD),
    ("a weaker context never lowers", [], asks(*PW, strength=ONE), ASK_TOTP),
    ("a stronger context raises", one(), asks(*PW, strength=TWO), ASK_TOTP),
    ("context unmet", [], asks(strength=RESISTANT), CONTEXT),
    ("context unmet, policy met", one(), facts(*PW, offers=(), asks={"strength": TWO}), CONTEXT),
    ("context and policy unmet", KEY_RULE, asks(strength=RESISTANT), NO_METHOD),
    ("account before the second factor", [], asks(*PW, confirm=("account",)), ACCOUNT),
    ("account before refusal", [], facts(partner=GUARDED, asks={"confirm": ("account",)}), ACCOUNT),
    ("account before it is the wrong one", [], asks(confirm=("account",), expected_person="i-bob"), ACCOUNT),
    ("account of nobody", [], nobody(asks={"confirm": ("account",)}), ASK_PASSWORD),
    ("account given", [], facts(*PW, asks={"confirm": ("account",)}, confirmed=("account",)), ASK_TOTP),
    ("consent after the second factor", [], asks(*PW, confirm=("consent",)), ASK_TOTP),
    ("consent at last", [], asks(confirm=("consent",)), CONSENT),
    ("consent given", [], facts(asks={"confirm": ("consent",)}, confirmed=("consent",)), ISSUE),
    ("another consent", [], facts(asks={"confirm": ("consent",)}, confirmed=("account",)), CONSENT),
]

SILENT: list[Row] = [
    ("silent, nobody", [], nobody(asks={"silent": True}), LOGIN),
    ("silent, all there", [], silent(), ISSUE),
    ("silent, stale", [], silent(*OLD, max_age=60), LOGIN),
    ("silent, only the password stale", [], silent(OLD_PW, TOTP_PROOF, max_age=600), LOGIN),
    ("silent and force", [], silent(*OLD, force=True), LOGIN),
    ("silent, second factor missing", [], silent(*PW), INTERACTION),
    ("silent, to set up", [], newcomer(asks={"silent": True}), INTERACTION),
    ("silent, no method at all", [], facts(*PW, offers=(), asks={"silent": True}), NO_METHOD),
    ("silent, consent missing", [], silent(confirm=("consent",)), NO_CONSENT),
    ("silent, account to confirm", [], silent(confirm=("account",)), INTERACTION),
    ("silent, another person", [], silent(expected_person="i-bob"), LOGIN),
    ("silent, disabled person", [], facts(person=DISABLED, asks={"silent": True}), LOGIN),
    ("silent, access denied", [], facts(partner=GUARDED, asks={"silent": True}), NO_ENTRY),
    ("silent, context unmet", [], silent(strength=RESISTANT), CONTEXT),
]

TABLE = [
    *DEFAULT,
    *STANDING_IN,
    *PROOFS,
    *CONDITIONS,
    *CONTROLS,
    *DENIALS,
    *REQUEST,
    *SILENT,
]


@pytest.mark.parametrize(("rules", "given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in TABLE])
def test_verdict(rules: list[Rule], given: Facts, expected: Verdict) -> None:
    assert decide(rules, given).verdict == expected


def test_rows_have_names_of_their_own() -> None:
    assert len({row[0] for row in TABLE}) == len(TABLE)


def test_what_each_factor_is_worth() -> None:
    # Two factors means two different kinds: a line changed here changes what multi-factor means.
    assert {name: (worth.kinds, worth.first, worth.phishing_resistant) for name, worth in WORTHS.items()} == {
        "password": ({Kind.KNOW}, True, False),
        "totp": ({Kind.HAVE}, False, False),
        "push": ({Kind.HAVE}, False, False),
        "sms": ({Kind.HAVE}, False, False),
        "call": ({Kind.HAVE}, False, False),
        "passkey": ({Kind.HAVE, Kind.ARE}, True, True),
        "recovery": ({Kind.HAVE}, False, False),
        "pass": ({Kind.HAVE}, False, False),
    }
    codes = dict.fromkeys(("totp", "recovery", "pass"), ("otp",))
    assert {name: worth.amr for name, worth in WORTHS.items()} == {
        "password": ("pwd",),
        "sms": ("sms",),
        "passkey": ("hwk", "swk", "user"),
        "push": ("pop", "swk", "otp"),
        "call": ("tel",),
        **codes,
    }
    assert {name for name, worth in WORTHS.items() if worth.stand_in} == {"recovery", "pass"}


def test_the_decision_carries_its_grounds() -> None:
    rules = [rule("staff", when={"groups": ("staff",)}, fresh_within=HOUR), *deny(people=("bob",))]
    decision = decide(rules, asks(*PW, OLD_TOTP, strength=ONE))
    assert decision.word == "ask"
    assert decision.rules == ("staff",)
    assert decision.counted == PW
    assert (decision.reached, decision.required) == (ONE, TWO)


def test_nothing_is_reached_before_the_first_proof() -> None:
    decision = decide([], nobody())
    assert (decision.counted, decision.reached, decision.required) == ((), None, TWO)


def test_a_denial_names_the_first_rule_that_denied() -> None:
    rules = [rule("a", strength=ONE), rule("b", deny=True), rule("c", deny=True)]
    assert decide(rules, facts()).verdict == Deny(reason=Reason.ACCESS, rule="b")


def test_a_counted_proof_says_no_more_than_its_factor_is_worth() -> None:
    assert decide([], facts(BOASTFUL)).counted == (TOTP_PROOF,)
