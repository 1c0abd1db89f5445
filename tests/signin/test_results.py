"""Each result of the record's enumeration, reached by a real sign-in; and the same word on the page."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import pytest

from idp.audit import AuditLog, Entry, Event, Filter, Result
from idp.core.errors import Refused
from idp.core.model import Strength
from idp.desk.records import RecordDesk
from idp.desk.stories import tell
from idp.policy.model import Conditions, Controls
from idp.signin.steps import Step
from tests.hallway import ACTOR, Browser, House
from tests.signin.keying import give
from tests.signin.reaching import REACHED, Case, method_of

# What the story says of each.
TOLD: Mapping[Result, str] = {
    Result.COMPLETED: "The code from the authenticator app was right.",
    Result.BY_SESSION: "All of it had been proved earlier in the session.",
    Result.REMEMBERED: "The browser stood in for the code from the authenticator app.",
    Result.REGISTERED: "The person set up an authenticator app.",
    Result.NOT_NEEDED: "One factor was enough there, and no second was asked for. Rules that spoke: r.",
    Result.PROOF_EXPIRED: "is asked for again: the application asks for something newer.",
    Result.IN_PROGRESS: "was not gone on with in time",
    Result.DUPLICATE: "The answer of the phone app was not looked at: it had been given before.",
    Result.TOO_MANY_TRIES: "because there were too many wrong tries.",
    Result.INVALID: "The password was not right.",
    Result.WRONG_CODE: "The code from the authenticator app was not right.",
    Result.CODE_USED: "The recovery code was not right: it had been used already.",
    Result.CODE_EXPIRED: "The code from the authenticator app was not right: it was too old.",
    Result.WRONG_PIN: "The answer to the phone call was not right: another PIN was typed.",
    Result.WRONG_NUMBER: "was not right: it was another number than the page showed.",
    Result.DECLINED: "The answer of the phone app was not right: it was a no.",
    Result.FRAUD: "The phone said that it was somebody else.",
    Result.NO_ANSWER: "The phone did not answer in time.",
    Result.HUNG_UP: "The call ended before anything was pressed.",
    Result.NO_DIGITS: "Nothing that counts was pressed on the phone.",
    Result.VOICEMAIL: "A voice box picked up.",
    Result.BUSY: "The line was busy.",
    Result.UNREACHABLE: "The phone could not be reached.",
    Result.CANNOT_TEXT: "No code was texted: the limit for",
    Result.CANNOT_PUSH: "No phone was asked: the limit for",
    Result.CANNOT_CALL: "No phone was asked: the limit for",
    Result.INVALID_PHONE: "that is no phone number that can be reached from here.",
    Result.NO_METHOD: "has no second factor that the rules accept. Rules that spoke: r.",
    Result.PERSON_UNKNOWN: "was not right: nobody has the user name that was given.",
    Result.PERSON_BLOCKED: "because the person is blocked.",
    Result.PERSON_DISABLED: "The password was not right: the person is switched off.",
    Result.OTHER_PERSON: "because the application asked about another person.",
    Result.RULE: "because a rule says no: the rule. Rules that spoke: r.",
    Result.NOT_ENOUGH: "because the application asks for more than the person can show.",
    Result.PAGE_NEEDED: "because a sign-in was needed, and the application asked for none to be shown.",
    Result.CANCELLED: "because the person gave up.",
    Result.MISCONFIGURATION: "has no identifier of the form that the application wants.",
    Result.SERVICE_ERROR: "The password was not looked at: the service had too much to do.",
}
# What a sign-in's verdicts and tries are; each of them carries a result.
CARRY = {
    *(Event.TOKEN_ISSUED, Event.TOKEN_DENIED, Event.LOOP_STOPPED, Event.CREDENTIAL_ACCEPTED),
    *(Event.CREDENTIAL_REFUSED, Event.CREDENTIAL_UNCHECKED, Event.LOCKED, Event.RIGHT_WHILE_LOCKED),
    *(Event.CODE_WITHHELD, Event.PHONE_NOT_ASKED, Event.PHONE_ANSWERED, Event.ASKED_AGAIN),
    Event.SIGN_IN_EXPIRED,
}


def test_every_result_is_reached_by_a_sign_in() -> None:
    assert set(REACHED) == set(Result)


@pytest.mark.parametrize("result", REACHED)
def test_a_result_is_on_record_and_told(house: House, browser: Browser, result: Result) -> None:
    case = Case(house, browser)
    REACHED[result](case)
    events = case.recorded()
    assert result.value in {one.result for one in events}
    assert [one.event for one in events if one.event in CARRY and not one.result] == []
    with house.ground.store.read() as connection:
        found = AuditLog.search(connection, Filter(result=result.value))
    assert {one.result for one in found} == {result.value}
    desk = RecordDesk(
        store=house.ground.store,
        people=house.hall.people,
        partners=house.ground.partners,
        audit=house.ground.audit,
    )
    told = [line.text for line in tell(desk.search(limit=1000, actor=ACTOR)).lines]
    assert any(TOLD[result] in text for text in told), told
    for text in told:
        assert text[0].isupper() or text.startswith("+"), text
        assert text.endswith("."), text
        assert "-" not in text.partition(" ")[0], "an event without a sentence of its own"


def test_pages_tell_no_guesser_which_it_was(house: House, browser: Browser) -> None:
    case = Case(house, browser)
    case.ada()
    step, used = case.begin(), house.code()
    other, said = Browser(), set()
    house.clock.advance(minutes=5)
    old, now = used, house.code()
    with suppress(Refused):
        house.totp(other, house.password(other, started_in(house, other)), now)
    for code in ("000000", now, old):
        with pytest.raises(Refused) as refused:
            house.totp(browser, step, code)
        said.add(refused.value.public)
    results = [one.result for one in case.recorded() if one.event == Event.CREDENTIAL_REFUSED]
    assert len(said) == 1
    assert results == ["wrong-code", "code-used", "code-expired"]


def started_in(house: House, browser: Browser) -> Step:
    return browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))


def test_what_older_versions_recorded_is_still_told(house: House) -> None:
    old = [
        Entry(event=Event.CREDENTIAL_REFUSED, factor="push", reason="wrong", detail={"why": "denied"}),
        Entry(event=Event.CREDENTIAL_REFUSED, factor="totp", reason="wrong"),
        Entry(event=Event.PHONE_ANSWERED, factor="call", reason="busy"),
        Entry(event=Event.TOKEN_DENIED, reason="access", detail={"rule": "no visitors"}),
    ]
    with house.ground.store.write() as unit:
        for entry in old:
            house.ground.audit.record(unit, replace(entry, correlation="c"))
    desk = RecordDesk(
        store=house.ground.store,
        people=house.hall.people,
        partners=house.ground.partners,
        audit=house.ground.audit,
    )
    assert [line.text for line in tell(desk.story("c", actor=ACTOR)).lines] == [
        "The answer of the phone app was not right (denied).",
        "The code from the authenticator app was not right.",
        "The line was busy.",
        "The person was turned away, because a rule says no: no visitors.",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {"controls": Controls(fresh_within=60)},
        {"conditions": Conditions(older_than=60), "controls": Controls(strength=Strength.PHISHING_RESISTANT)},
    ],
)
def test_a_rule_that_finds_a_proof_too_old_is_named(
    house: House, browser: Browser, rule: dict[str, object]
) -> None:
    case = Case(house, browser)
    give(house, case.ada())
    step = case.begin()
    house.totp(browser, house.choose(browser, step, "totp", method_of(step, "totp")))
    house.clock.advance(hours=1)
    case.rule(**rule)
    house.flow.begin(house.request(house.partner()), browser.visit())
    (again,) = (one for one in case.recorded() if one.event == Event.ASKED_AGAIN)
    assert (again.result, again.detail["by"], again.rules) == ("proof-expired", ["r"], ("r",))
    house.flow.begin(house.request(house.partner(), silent=True), browser.visit())
    assert [one.event for one in case.recorded()].count(Event.ASKED_AGAIN) == 1, "nobody was asked"
