"""Passkeys in the hallway: beside the user name, after the password, set up, and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from idp.core.errors import Refused
from idp.core.model import Asked, Person, Strength
from idp.factors.passkey import PasskeySettings
from idp.policy.model import Ask, Controls, Register, Rule
from idp.signin.steps import Step
from tests.hallway import ACTOR, Browser, House
from tests.passkeys import SoftKey, encoded
from tests.signin.keying import WRONG, answer, begin, enrol, give, options, put, recorded, show


# Instead of user name and password --------------------------------------------------------------
def test_a_passkey_that_asks_who_holds_it_is_a_whole_sign_in(
    house: House, browser: Browser, ada: Person, key: SoftKey
) -> None:
    step = begin(house, browser)
    assert step.sign_in.asked == Asked(factor="password")
    asked = json.loads(options(step))
    assert asked["userVerification"] == "required"
    assert asked["allowCredentials"] == [], "nobody learns who has which passkey"
    step = show(house, browser, step, key)
    assert step.reply is not None
    (grant,) = house.door.grants
    assert grant.person == ada.id
    assert grant.acr is Strength.PHISHING_RESISTANT
    assert grant.amr == ("hwk", "user", "mfa")
    (accepted,) = recorded(house, event="credential-accepted")
    assert accepted["user_verified"] is True
    assert accepted["aaguid"] == "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"
    assert accepted["attestation"] == "none"
    assert begin(house, browser).reply is not None, "single sign-on"


def test_a_synced_passkey_says_so_and_need_not_count(house: House, ada: Person) -> None:
    key = give(house, ada, synced=True, counts=False)
    for _ in range(2):
        browser = Browser()
        assert show(house, browser, begin(house, browser), key).reply is not None
    assert [grant.amr for grant in house.door.grants] == [("swk", "user", "mfa")] * 2


def test_the_password_page_still_takes_the_password(house: House, browser: Browser, key: SoftKey) -> None:
    step = house.password(browser, begin(house, browser))
    assert step.sign_in.beside == ()
    assert step.sign_in.asked is not None
    assert step.sign_in.asked.factor == "passkey", "the safest first"


def test_row_59_a_touch_alone_opens_nothing(house: House, browser: Browser, ada: Person) -> None:
    key = give(house, ada, verifies=False)
    with pytest.raises(Refused, match=WRONG):
        show(house, browser, begin(house, browser), key)
    assert house.door.grants == []


def test_a_rule_that_names_other_methods_shuts_it_out(house: House, browser: Browser, key: SoftKey) -> None:
    rule = Rule(id="apps", name="apps only", controls=Controls(methods=("totp",)))
    with house.ground.store.write() as unit:
        house.flow.judge.rules.replace_all(unit, [rule], actor=ACTOR, at=house.clock.now())
    step = begin(house, browser)
    assert step.sign_in.beside == ()
    given = {"factor": "passkey", "method": "", "credential": key.show(json.dumps(ASKED))}
    again = house.flow.prove(step.sign_in.id, browser.visit(), given)
    assert again.sign_in.proofs == ()


ASKED = {"challenge": encoded(b"c" * 32), "rpId": "login.example.org"}
HOSTILE: Mapping[str, Mapping[str, object]] = {
    "another challenge": {"challenge": encoded(b"c" * 32)},
    "another origin": {"origin": "https://badlogin.example.org"},
    "an origin that begins the same": {"origin": "https://login.example.org.evil.test"},
    "plain http": {"origin": "http://login.example.org"},
    "another domain": {"rp": "example.org"},
    "a creation": {"type": "webauthn.create"},
    "nobody there": {"present": False},
    "nobody asked": {"verifies": False},
    "of nobody": {"handle": b"nobody"},
    "no text": {"handle": b"\xff\xfe"},
    "unknown": {"id": b"another id"},
}


@pytest.mark.parametrize("fields", HOSTILE.values(), ids=HOSTILE)
def test_row_60_what_is_not_right_is_told_the_same(
    house: House, browser: Browser, key: SoftKey, fields: Mapping[str, object]
) -> None:
    step = begin(house, browser)
    with pytest.raises(Refused, match=WRONG):
        show(house, browser, step, replace(key, **fields))  # type: ignore[arg-type]
    assert house.door.grants == []
    assert show(house, browser, step, key).reply is not None, "the right one still is"


def test_row_60_an_answer_is_worth_something_once(house: House, browser: Browser, key: SoftKey) -> None:
    partner = house.partner()
    step = begin(house, browser)
    said = key.show(options(step))
    assert answer(house, browser, step, said).reply is not None
    other = Browser()
    fresh = other.took(house.flow.begin(house.request(partner), other.visit()))
    with pytest.raises(Refused, match=WRONG):
        answer(house, other, fresh, said)
    assert len(house.door.grants) == 1


def test_row_60_the_two_ids_must_be_one(house: House, browser: Browser, key: SoftKey) -> None:
    step = begin(house, browser)
    for changes in ({"rawId": encoded(b"another")}, {"id": encoded(b"another")}, {"type": "password"}):
        with pytest.raises(Refused, match=WRONG):
            show(house, browser, step, key, **changes)


@pytest.mark.parametrize(
    "text",
    [" ", "{}", "[]", "null", "1", '"x"', "{" * 5000, "x" * 70_000, '{"id": 1}', '{"id": "\ud800"}'],
    ids=range(10),
)
def test_what_is_no_answer_at_all_is_told_the_same(
    house: House, browser: Browser, key: SoftKey, text: str
) -> None:
    with pytest.raises(Refused, match=WRONG):
        answer(house, browser, begin(house, browser), text)


def test_the_disabled_and_the_locked_are_told_the_same(
    house: House, browser: Browser, ada: Person, key: SoftKey
) -> None:
    step = begin(house, browser)
    for _ in range(10):
        with pytest.raises(Refused, match=WRONG):
            show(house, browser, step, replace(key, origin="https://evil.test"))
    with pytest.raises(Refused, match=WRONG):
        show(house, browser, step, key)
    house.clock.advance(minutes=16)
    assert house.password(browser, begin(house, browser)).sign_in.person, "the password was not locked"
    with house.ground.store.write() as unit:
        house.hall.people.set_enabled(unit, ada.id, enabled=False)
    other = Browser()
    with pytest.raises(Refused, match=WRONG):
        show(house, other, begin(house, other), key)


# After the password -----------------------------------------------------------------------------
def test_after_the_password_a_touch_is_enough(house: House, browser: Browser, ada: Person) -> None:
    key = give(house, ada, verifies=False)
    step = house.password(browser, begin(house, browser))
    asked = json.loads(options(step))
    assert [one["id"] for one in asked["allowCredentials"]] == [encoded(key.id)]
    assert asked["allowCredentials"][0]["transports"] == ["internal", "hybrid"]
    assert asked["userVerification"] == "preferred"
    assert show(house, browser, step, key).reply is not None
    assert house.door.grants[0].amr == ("pwd", "hwk", "user", "mfa")
    assert house.door.grants[0].acr is Strength.PHISHING_RESISTANT


def test_a_key_that_keeps_no_name_is_found_by_its_id(house: House, browser: Browser, ada: Person) -> None:
    key = give(house, ada)
    key.handle = b""
    step = house.password(browser, begin(house, browser))
    assert show(house, browser, step, key).reply is not None


def test_the_passkey_of_another_is_none(house: House, browser: Browser, ada: Person) -> None:
    give(house, ada)
    hers = give(house, house.person("eve"))
    step = house.password(browser, begin(house, browser))
    for handle in (hers.handle, b"", ada.id.encode()):
        with pytest.raises(Refused, match=WRONG):
            show(house, browser, step, replace(hers, handle=handle))
    assert house.door.grants == []


def test_another_way_is_there(house: House, browser: Browser, key: SoftKey) -> None:
    step = house.password(browser, begin(house, browser))
    assert isinstance(step.decision.verdict, Ask)
    assert [offer.factor for offer in step.decision.verdict.offers] == ["passkey", "totp"]
    house.clock.advance(seconds=30)
    assert house.totp(browser, house.choose(browser, step, "totp", _app(house, step))).reply is not None


def _app(house: House, step: Step) -> str:
    assert isinstance(step.decision.verdict, Ask)
    return next(offer.method for offer in step.decision.verdict.offers if offer.factor == "totp")


def test_a_passkey_that_was_removed_proves_nothing(
    house: House, browser: Browser, ada: Person, key: SoftKey
) -> None:
    step = begin(house, browser)
    with house.ground.store.write() as unit:
        for method in house.hall.methods.of(unit.connection, ada.id):
            if method.factor == "passkey":
                house.hall.methods.remove(unit, method.id)
    with pytest.raises(Refused, match=WRONG):
        show(house, browser, step, key)


# Copies -----------------------------------------------------------------------------------------
def test_a_copy_is_refused_and_on_record(house: House, browser: Browser, key: SoftKey) -> None:
    copied = replace(key)
    assert show(house, browser, begin(house, browser), key).reply is not None
    other = Browser()
    step = begin(house, other)
    with pytest.raises(Refused, match=WRONG):
        show(house, other, step, copied)
    (found,) = recorded(house, event="method-copied")
    assert (found["count"], found["expected"]) == (1, 2)
    assert len(house.door.grants) == 1


def test_a_count_that_falls_to_nothing_is_a_copy_too(house: House, browser: Browser, key: SoftKey) -> None:
    assert show(house, browser, begin(house, browser), key).reply is not None
    other = Browser()
    with pytest.raises(Refused, match=WRONG):
        show(house, other, begin(house, other), replace(key, counts=False, count=0))


def test_a_copy_may_be_let_in_but_is_on_record(house: House, browser: Browser, key: SoftKey) -> None:
    put(house, PasskeySettings(refuse_copies=False))
    copied = replace(key)
    assert show(house, browser, begin(house, browser), key).reply is not None
    other = Browser()
    assert show(house, other, begin(house, other), copied).reply is not None
    assert len(recorded(house, event="method-copied")) == 1


# Where they work --------------------------------------------------------------------------------
def test_related_origins_are_taken_when_they_are_named(house: House, browser: Browser, key: SoftKey) -> None:
    abroad = replace(key, origin="https://login.example.de")
    with pytest.raises(Refused, match=WRONG):
        show(house, browser, begin(house, browser), replace(abroad))
    put(house, PasskeySettings(origins=("https://login.example.de",)))
    other = Browser()
    assert show(house, other, begin(house, other), abroad).reply is not None


def test_passkeys_made_for_another_domain_are_not_asked_for(
    house: House, browser: Browser, key: SoftKey
) -> None:
    put(house, PasskeySettings(name="example.org"))
    step = house.password(browser, begin(house, browser))
    assert step.sign_in.asked is not None
    assert step.sign_in.asked.factor == "totp"
    again = house.choose(browser, step, "passkey")
    assert again.sign_in.asked == step.sign_in.asked


# Setting one up ---------------------------------------------------------------------------------
@pytest.fixture
def drafting(house: House, browser: Browser, newcomer: Person) -> Step:
    step = house.password(browser, begin(house, browser), newcomer.name)
    assert isinstance(step.decision.verdict, Register)
    assert step.sign_in.enrolment is not None
    assert step.sign_in.enrolment.factor == "passkey", "the safest is proposed first"
    return step


def creation(step: Step) -> str:
    assert step.sign_in.enrolment is not None
    return step.sign_in.enrolment.draft["options"]


def test_a_passkey_is_set_up_between_password_and_answer(
    house: House, browser: Browser, newcomer: Person, drafting: Step
) -> None:
    asked, key = json.loads(creation(drafting)), SoftKey()
    assert asked["user"]["name"] == newcomer.name
    assert asked["excludeCredentials"] == []
    step = enrol(house, browser, drafting, credential=key.make(creation(drafting)), label="  My \n key ")
    step = house.later(browser, step)
    assert step.decision.verdict == Register(factors=("recovery",))
    assert house.save_codes(browser, step).reply is not None
    assert house.door.grants[0].amr == ("pwd", "hwk", "user", "mfa")
    with house.ground.store.read() as connection:
        (method,) = [one for one in house.hall.methods.of(connection, newcomer.id) if one.factor == "passkey"]
    assert method.label == "My key"
    other = Browser()
    assert show(house, other, begin(house, other), key).reply is not None, "and it is a whole sign-in"


def test_without_an_answer_nothing_is_set_up(house: House, browser: Browser, drafting: Step) -> None:
    for _ in range(12):
        with pytest.raises(Refused, match="not made a passkey"):
            enrol(house, browser, drafting)
    step = enrol(house, browser, drafting, credential=SoftKey().make(creation(drafting)))
    assert house.later(browser, step).decision.verdict == Register(factors=("recovery",))


@pytest.mark.parametrize("name", ["another challenge", "another origin", "another domain", "nobody there"])
def test_row_60_a_passkey_made_elsewhere_is_not_set_up(
    house: House, browser: Browser, newcomer: Person, drafting: Step, name: str
) -> None:
    hostile = SoftKey(**HOSTILE[name])  # type: ignore[arg-type]
    with pytest.raises(Refused, match=WRONG):
        enrol(house, browser, drafting, credential=hostile.make(creation(drafting)))
    with house.ground.store.read() as connection:
        assert house.hall.methods.of(connection, newcomer.id) == ()


def test_a_second_one_is_not_made_on_the_same_device(house: House, ada: Person, key: SoftKey) -> None:
    passkey = house.flow.judge.factors.enrollers["passkey"]
    draft = passkey.begin(begin(house, Browser()).sign_in, ada)
    excluded = json.loads(draft.draft["options"])["excludeCredentials"]
    assert [one["id"] for one in excluded] == [encoded(key.id)]


def test_row_61_a_password_alone_adds_none_to_those_there_are(
    house: House, browser: Browser, key: SoftKey
) -> None:
    step = house.password(browser, begin(house, browser))
    house.choose(browser, step, "passkey")
    again = enrol(house, browser, step, credential=SoftKey().make(json.dumps(CREATION)))
    assert again.sign_in.enrolment is None
    assert house.door.grants == []


CREATION = {"challenge": encoded(b"c" * 32), "rp": {"id": "login.example.org"}, "user": {"id": encoded(b"x")}}
