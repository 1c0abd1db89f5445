"""Who forgot the password: which ways are asked for, which are enough, and that nothing is ever issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.core.errors import Reason
from idp.core.model import Kind, Offer, Proof, Strength
from idp.policy.decide import decide
from idp.policy.model import Ask, Deny, Facts, Issue, Register, Reset, Rule, Verdict
from tests.policy.cases import (
    ALICE,
    BOTH,
    CHANGED,
    CLOSED,
    DISABLED,
    GUARDED,
    HOUR,
    NOW,
    OLD,
    TOTP,
    WORTH,
    deny,
    facts,
    one,
    proof,
    rule,
)
from tests.policy.test_properties import ANY_FACTS, PLAIN, RULE_LISTS

PASSKEY, PUSH, CODES = (Offer(factor=factor) for factor in ("passkey", "push", "recovery"))
SMS, CALL, PASS = (Offer(factor=factor, method="m2") for factor in ("sms", "call", "pass"))
FIRST = (Offer(factor="password"), replace(PASSKEY, beside=True), PUSH, Offer(factor="totp"), CODES)
ALL = (Offer(factor="password"), PASS, PASSKEY, PUSH, TOTP, SMS, CALL, CODES)

APP, TEXT, CALLED, CODE, KEY = (proof(one) for one in ("totp", "sms", "call", "recovery", "passkey"))
PHONE = proof("push")
TOUCH = replace(KEY, kinds=frozenset({Kind.HAVE}))
OLD_APP, OLD_CODE = (proof(factor, 121) for factor in ("totp", "recovery"))
RESISTANT = [rule(strength=Strength.PHISHING_RESISTANT)]
BLOCKED = replace(ALICE, blocked_until=NOW + timedelta(hours=1))

RESET, TOO_FEW = Reset(), Deny(reason=Reason.NO_METHOD)
BEGIN = Ask(offers=(PUSH, FIRST[3], CODES, FIRST[1]))
AGAIN = Ask(offers=(PASSKEY, PUSH, TOTP, CODES))


def forgot(*proofs: Proof, **more: Any) -> Facts:
    """Give the facts of Alice, who forgot her password and has shown this."""
    more = {"offers": ALL, "kept_here": True, **more}
    request = {"door": "local", "force": True, "reset": True, **more.pop("asks", {})}
    return replace(facts(*proofs, asks=request, **more), proofs=proofs)


def stranger(**more: Any) -> Facts:
    return forgot(**{"person": None, "offers": FIRST, "kept_here": False, **more})


def others(*left: Offer) -> Ask:
    return Ask(offers=left)


TABLE: Sequence[tuple[str, Sequence[Rule], Facts, Verdict]] = [
    ("nobody: what needs nothing sent, what is beside it last", [], stranger(), BEGIN),
    ("nobody: a text never comes first", [], stranger(offers=(SMS, CALL, PASS)), TOO_FEW),
    ("nobody, where rules accept texts only", [rule(methods=("sms",))], stranger(), TOO_FEW),
    ("nobody, and it is forbidden", deny(), stranger(), Deny(reason=Reason.ACCESS, rule="rule")),
    (
        "nobody, and the page is disabled",
        [],
        stranger(partner=CLOSED),
        Deny(reason=Reason.ACCESS, rule="the application is disabled"),
    ),
    ("an app: anything but what is on a phone", [], forgot(APP), others(PASSKEY, CODES)),
    ("a phone's app: anything but that", [], forgot(PHONE), others(PASSKEY, CODES)),
    ("a passkey: anything but passkeys", [], forgot(KEY), others(PUSH, TOTP, SMS, CALL, CODES)),
    ("recovery codes: anything but those", [], forgot(CODE), others(PASSKEY, PUSH, TOTP, SMS, CALL)),
    ("two apps are one way", [], forgot(APP, replace(APP, method="m9"), offers=(TOTP,)), TOO_FEW),
    ("two passkeys are one way", [], forgot(KEY, replace(KEY, method="m9"), offers=(PASSKEY,)), TOO_FEW),
    (
        "two recovery codes are one way",
        [],
        forgot(CODE, replace(CODE, method="m9"), offers=(CODES,)),
        TOO_FEW,
    ),
    ("a text and a call are one way", [], forgot(TEXT, CALLED), AGAIN),
    ("nothing else is there", [], forgot(APP, offers=(TOTP,)), TOO_FEW),
    ("only a pass is there", [], forgot(APP, offers=(TOTP, PASS)), TOO_FEW),
    ("only the password is there", [], forgot(APP, offers=(TOTP, Offer(factor="password"))), TOO_FEW),
    ("an app and a recovery code", [], forgot(APP, CODE), RESET),
    ("a recovery code and a text", [], forgot(CODE, TEXT), RESET),
    ("an app and the phone app", [], forgot(APP, PHONE), others(PASSKEY, CODES)),
    ("an app and a text: the same phone, as likely as not", [], forgot(APP, TEXT), others(PASSKEY, CODES)),
    (
        "too young",
        [],
        forgot(replace(APP, method="y"), CODE, young=frozenset({"y"})),
        others(PASSKEY, PUSH, TOTP, SMS, CALL),
    ),
    (
        "too young to be asked for",
        [],
        forgot(CODE, young=frozenset({"m1"})),
        others(*(one for one in (PASSKEY, PUSH, TOTP, SMS, CALL) if one.method != "m1")),
    ),
    ("too young, alone", [], forgot(replace(APP, method="y"), young=frozenset({"y"})), TOO_FEW),
    ("an app, and a passkey that did not ask who holds it", [], forgot(APP, TOUCH), RESET),
    ("such a passkey does not come first", [], forgot(TOUCH), AGAIN),
    ("nor does it with a text", [], forgot(TOUCH, TEXT), AGAIN),
    ("the password adds nothing", [], forgot(APP, proof("password"), offers=(TOTP,)), TOO_FEW),
    ("nor does a pass", [], forgot(APP, proof("pass"), offers=(TOTP,)), TOO_FEW),
    ("password and app are a sign-in, not a reset", [], forgot(*BOTH, offers=(TOTP,)), TOO_FEW),
    ("the password alone", [], forgot(proof("password")), AGAIN),
    ("a session's proofs count for nothing", [], forgot(*OLD, OLD_APP, OLD_CODE), AGAIN),
    ("nor beside one that is new", [], forgot(APP, OLD_CODE, offers=(TOTP,)), TOO_FEW),
    (
        "nor when the request does not ask for all anew",
        [],
        forgot(OLD_APP, OLD_CODE, asks={"force": False}),
        AGAIN,
    ),
    ("of somebody else", [], forgot(APP, replace(CODE, person="i-bob"), offers=(TOTP,)), TOO_FEW),
    ("before everything was ended", [], forgot(APP, CODE, person=CHANGED), AGAIN),
    ("the password is kept elsewhere", [], forgot(APP, CODE, kept_here=False), TOO_FEW),
    ("disabled", [], forgot(APP, CODE, person=DISABLED), Deny(reason=Reason.PERSON_DISABLED)),
    ("blocked", [], forgot(APP, CODE, person=BLOCKED), Deny(reason=Reason.BLOCKED)),
    (
        "forbidden to her",
        deny(people=("alice",)),
        forgot(APP, CODE),
        Deny(reason=Reason.ACCESS, rule="rule"),
    ),
    (
        "open to others only",
        [],
        forgot(APP, CODE, partner=GUARDED),
        Deny(reason=Reason.ACCESS, rule="access policy of the application"),
    ),
    ("a rule about another application", deny(partners=("i-other",)), forgot(APP, CODE), RESET),
    ("one factor is never enough", one(), forgot(APP), others(PASSKEY, CODES)),
    ("what a rule does not accept", [rule(methods=("totp", "sms"))], forgot(APP, CODE), TOO_FEW),
    ("of two, one must be resistant", RESISTANT, forgot(APP, CODE), others(PASSKEY)),
    ("and is asked for at once", RESISTANT, forgot(APP), others(PASSKEY)),
    ("a passkey is", RESISTANT, forgot(APP, KEY), RESET),
    ("even one that did not ask", RESISTANT, forgot(APP, TOUCH), RESET),
    ("as the first it leaves the others", RESISTANT, forgot(KEY), others(PUSH, TOTP, SMS, CALL, CODES)),
    ("nobody registers here", [], forgot(APP, person=replace(ALICE, may_enrol=True), offers=()), TOO_FEW),
    ("nor is anything wished for", [], forgot(APP, CODE, asks={"register": "totp"}), RESET),
    ("in silence", [], stranger(asks={"silent": True}), Deny(reason=Reason.LOGIN_REQUIRED)),
    (
        "in silence nothing is chosen",
        [],
        forgot(APP, CODE, asks={"silent": True}),
        Deny(reason=Reason.INTERACTION_REQUIRED),
    ),
]


# Where a reset is likely: all kinds of ways, most of them shown here, and now and then something else.
LIKELY = st.builds(
    lambda facts, proofs: replace(facts, person=ALICE, proofs=tuple(proofs)),
    PLAIN,
    st.lists(
        st.builds(
            proof,
            st.sampled_from([*WORTH, "totp", "recovery", "sms", "passkey"]),
            st.sampled_from([0, 30, 60, 119, 121, HOUR]),
        ),
        min_size=2,
        max_size=4,
    ),
)


@pytest.mark.parametrize(("rules", "given", "expected"), [pytest.param(*row[1:], id=row[0]) for row in TABLE])
def test_row_47_the_table(rules: Sequence[Rule], given: Facts, expected: Verdict) -> None:
    assert decide(rules, given).verdict == expected


def test_row_47_it_is_never_issued_and_takes_two_kinds_of_ways_proved_here() -> None:
    """Never with the password, never with what a session kept, whatever rules and requests say."""
    reset = []

    @settings(max_examples=1500)
    @given(RULE_LISTS, ANY_FACTS | LIKELY)
    def search(rules: tuple[Rule, ...], facts: Facts) -> None:
        facts = replace(facts, request=replace(facts.request, reset=True), kept_here=True)
        decision = decide(rules, facts)
        assert not isinstance(decision.verdict, Issue | Register)
        if not isinstance(decision.verdict, Reset):
            return
        reset.append(decision)
        assert facts.person is not None
        assert facts.person.enabled
        ways = {WORTH[one.factor].resets for one in decision.counted}
        assert len(ways) >= 2
        assert "" not in ways
        assert not {one.factor for one in decision.counted} & {"password", "pass"}
        assert all(one.at >= facts.started_at and one.person == facts.person.id for one in decision.counted)
        assert any(WORTH[one.factor].unsent for one in decision.counted)

    search()
    assert len(reset) > 20


def test_row_47_what_it_shows_adds_up_to_no_sign_in() -> None:
    """An app and a recovery code open nothing anywhere, not even where a rule wants one factor."""
    for rules in ([], one()):
        for shown in ((APP, CODE), (CODE, TEXT), (PHONE, CODE)):
            assert not isinstance(decide(rules, facts(*shown)).verdict, Issue)


def test_only_what_is_a_way_to_the_person_counts() -> None:
    assert {factor: worth.resets for factor, worth in WORTH.items() if factor != "key"} == {
        "password": "",
        "pass": "",
        "passkey": "passkey",
        "push": "phone",
        "totp": "phone",
        "sms": "phone",
        "call": "phone",
        "recovery": "recovery codes",
    }
    assert {factor for factor, worth in WORTH.items() if worth.unsent} == {
        "passkey",
        "push",
        "totp",
        "recovery",
    }
