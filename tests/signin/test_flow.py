"""The flow from a request to the grant, and what must never lead there."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa

from idp.core.errors import Denied, Reason, Refused
from idp.core.model import Grant, Offer, Reply, Strength
from idp.policy.model import Ask, Confirm, Deny, Issue, Register, Verdict
from idp.signin.record import Expired, Finished, Foreign
from idp.store import schema
from tests.hallway import Browser, House, build_house


def test_password_and_code_give_one_grant(house: House, browser: Browser) -> None:
    person, partner = house.person(), house.partner()
    step = house.sign_in(browser, partner)
    assert isinstance(step.decision.verdict, Issue)
    (grant,) = house.door.grants
    assert step.reply is not None
    assert step.reply.fields == {"grant": grant.id}
    assert grant.person == person.id
    assert grant.amr == ("pwd", "otp", "mfa")
    assert grant.acr is Strength.TWO
    assert {claim.type: claim.value for claim in grant.claims} == {
        "uid": "ada",
        "mail": "ada@example.org",
        "displayName": "ada",
    }


@pytest.mark.parametrize(
    "verdict",
    [
        Ask(offers=(Offer(factor="totp"),)),
        Register(factors=("totp",)),
        Confirm(what="consent"),
        Deny(reason=Reason.ACCESS),
    ],
    ids=["ask", "register", "confirm", "deny"],
)
def test_only_the_verdict_to_issue_makes_a_grant(house: House, browser: Browser, verdict: Verdict) -> None:
    """Whatever was proved, and whoever calls."""
    house.person()
    step = house.sign_in(browser, house.partner())
    judged = house.flow.judge(step.sign_in, None)
    assert judged.decision.reached is Strength.TWO
    other = replace(judged, decision=replace(judged.decision, verdict=verdict))
    with pytest.raises(Denied):
        house.flow.issue(other, browser.visit())
    assert len(house.door.grants) == 1


def test_a_session_that_ends_while_the_answer_is_made_lets_none_leave(house: House, browser: Browser) -> None:
    house.person()
    house.sign_in(browser, house.partner())
    signed_in, answer = browser.visit(), house.door.answer

    def answer_late(grant: Grant) -> Reply:
        house.hall.signout.begin(signed_in, finish_door="", finish={})
        return answer(grant)

    house.door.answer = answer_late  # type: ignore[method-assign]
    step = house.flow.begin(house.request(house.partner()), signed_in)
    assert step.reply is not None
    assert step.reply.fields == {"error": "login_required"}


def test_what_was_cancelled_does_not_go_on(house: House, browser: Browser) -> None:
    house.person()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    assert house.flow.give_up(step.sign_in.id, browser.visit()).reply is not None
    with pytest.raises(Finished):
        house.totp(browser, step)
    with pytest.raises(Finished):
        house.flow.give_up(step.sign_in.id, browser.visit())
    assert house.door.grants == []


def test_the_time_that_is_told_is_that_of_the_oldest_proof(house: House, browser: Browser) -> None:
    house.person()
    began = house.clock.now()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    house.clock.advance(minutes=5)
    house.totp(browser, step)
    assert house.door.grants[0].authenticated_at == began


def test_single_sign_on_asks_nothing_again(house: House, browser: Browser) -> None:
    house.person()
    house.sign_in(browser, house.partner())
    first_secret = browser.session
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    assert step.reply is not None
    one, two = house.door.grants
    assert one.session == two.session
    assert one.participant != two.participant, "partners must not be able to join their sessions"
    assert one.authenticated_at == two.authenticated_at
    assert browser.session == first_secret, "nothing was gained, so the cookie stays"


def test_same_partner_keeps_its_session_index(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    house.flow.begin(house.request(partner), browser.visit())
    one, two = house.door.grants
    assert one.participant == two.participant
    assert one.subject == two.subject


def test_first_method_is_set_up_between_password_and_answer(house: House, browser: Browser) -> None:
    person = house.person(totp=False)
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    assert step.decision.verdict == Register(factors=("passkey", "push", "totp"))
    step = house.choose(browser, step, "totp")
    draft = step.sign_in.enrolment
    assert draft is not None
    assert house.door.grants == []
    with pytest.raises(Refused):
        house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "totp", "code": "000000"})
    enroller = house.flow.judge.factors.enrollers["totp"]
    code = _code_for(house, enroller.show(person, draft)["manual_key"])
    step = browser.took(house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "totp", "code": code}))
    assert step.decision.verdict == Register(factors=("passkey",), left=None), "not on the same phone"
    assert step.sign_in.enrolment is None
    step = house.later(browser, step)
    assert step.decision.verdict == Register(factors=("recovery",))
    step = house.save_codes(browser, step)
    assert step.reply is not None
    assert house.door.grants[0].amr == ("pwd", "otp", "mfa")
    with house.ground.store.read() as connection:
        now_known = house.hall.people.get(connection, person.id)
    assert now_known is not None
    assert not now_known.may_enrol


def test_enrolment_is_closed_once_somebody_registered(house: House, browser: Browser) -> None:
    """Two browsers with the same password: the one that comes second cannot add its own app."""
    person = house.person(totp=False)
    partner, thief = house.partner(), Browser()
    mine = house.password(browser, browser.took(house.flow.begin(house.request(partner), browser.visit())))
    theirs = house.password(thief, thief.took(house.flow.begin(house.request(partner), thief.visit())))
    enroller = house.flow.judge.factors.enrollers["totp"]
    codes = {}
    mine, theirs = house.choose(browser, mine, "totp"), house.choose(thief, theirs, "totp")
    for who, step in (("mine", mine), ("theirs", theirs)):
        assert step.sign_in.enrolment is not None
        codes[who] = _code_for(house, enroller.show(person, step.sign_in.enrolment)["manual_key"])
    mine = house.flow.enrol(mine.sign_in.id, browser.visit(), {"factor": "totp", "code": codes["mine"]})
    house.save_codes(browser, mine)
    step = house.flow.enrol(theirs.sign_in.id, thief.visit(), {"factor": "totp", "code": codes["theirs"]})
    assert isinstance(step.decision.verdict, Ask), "the thief is asked for the owner's app now"
    assert len(house.door.grants) == 1


def test_a_person_without_method_and_without_enrolment_is_denied_on_our_page(
    house: House, browser: Browser
) -> None:
    person = house.person(totp=False)
    with house.ground.store.write() as unit:
        unit.execute(sa.update(schema.people).where(schema.people.c.id == person.id).values(may_enrol=False))
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    assert step.decision.verdict == Deny(reason=Reason.NO_METHOD)
    assert step.denied is not None
    assert step.reply is None
    back = house.flow.give_up(step.sign_in.id, browser.visit())
    assert back.reply is not None
    assert back.reply.fields == {"error": "no_method"}


# Never around the second factor ---------------------------------------------------------------
def test_case_44_45_no_step_is_skipped(house: House, browser: Browser) -> None:
    """Direct address, second tab, empty and wrong-stage and replayed posts: the same stage again."""
    house.person()
    partner = house.partner()
    step = browser.took(house.flow.begin(house.request(partner), browser.visit()))
    flow, visit = house.flow, browser.visit()
    first_page = step.sign_in.id
    for answer in (
        {},
        {"factor": "totp", "method": "", "code": house.code()},
        {"factor": "password", "method": "x", "username": "ada", "password": "correct horse"},
        {"factor": "nonsense", "code": "1"},
    ):
        assert flow.prove(first_page, visit, answer).decision.verdict == step.decision.verdict
    password_post = {
        "factor": "password",
        "method": "",
        "username": "ada",
        "password": "correct horse",
    }
    second = flow.prove(first_page, visit, password_post)
    assert isinstance(second.decision.verdict, Ask)
    assert second.sign_in.asked is not None
    assert second.sign_in.asked.factor == "totp"
    for _ in range(3):
        again = flow.prove(first_page, visit, password_post)
        assert again.sign_in.asked == second.sign_in.asked
        assert flow.show(first_page, visit).sign_in.asked == second.sign_in.asked
        assert flow.enrol(first_page, visit, {"factor": "totp", "code": house.code()}).reply is None
        assert flow.confirm(first_page, visit, "account", "yes").reply is None
        assert flow.choose(first_page, visit, "password", "").sign_in.asked == second.sign_in.asked
    new_tab = flow.begin(house.request(partner), visit)
    assert new_tab.sign_in.proofs == (), "half a sign-in is no session"
    assert house.door.grants == []


def test_an_id_seen_in_an_address_opens_nothing(house: House, browser: Browser) -> None:
    house.person()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    for stranger in (Browser(), Browser(browser="stolen-guess"), Browser(browser=step.sign_in.browser)):
        with pytest.raises(Foreign):
            house.flow.show(step.sign_in.id, stranger.visit())
        with pytest.raises(Foreign):
            house.totp(stranger, step)
    assert house.door.grants == []


def test_a_finished_sign_in_is_over(house: House, browser: Browser) -> None:
    house.person()
    step = house.sign_in(browser, house.partner())
    for _ in range(2):
        with pytest.raises(Finished):
            house.flow.show(step.sign_in.id, browser.visit())
    with pytest.raises(Finished):
        house.totp(browser, step)
    assert len(house.door.grants) == 1


def test_an_expired_sign_in_can_only_start_again(house: House, browser: Browser) -> None:
    house.person()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    house.clock.advance(minutes=15)
    with pytest.raises(Expired) as caught:
        house.totp(browser, step)
    again = house.flow.again(caught.value.sign_in, browser.visit())
    assert again.sign_in.proofs == ()
    assert again.sign_in.asked is not None
    assert again.sign_in.asked.factor == "password"


def test_answering_never_makes_a_sign_in_last_longer(house: House, browser: Browser) -> None:
    house.person()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    house.clock.advance(minutes=14)
    step = house.password(browser, step)
    house.clock.advance(minutes=2)
    with pytest.raises(Expired):
        house.totp(browser, step)


def test_of_two_racing_codes_one_wins(house: House, browser: Browser) -> None:
    house.person()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    outcomes: list[str] = []

    def answer() -> None:
        try:
            outcomes.append("reply" if house.totp(Browser(**vars(browser)), step).reply else "page")
        except (Refused, Finished) as error:
            outcomes.append(type(error).__name__)

    # As many as may try: the right one must not be the one too many.
    threads = [threading.Thread(target=answer) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("reply") == 1, outcomes
    assert len(house.door.grants) == 1


def test_a_sign_in_accepts_one_person_only(house: House, browser: Browser) -> None:
    """Person A's password and person B's code make nobody."""
    house.person("ada")
    house.person("bob", totp=False)
    partner = house.partner()
    step = browser.took(house.flow.begin(house.request(partner), browser.visit()))
    step = house.password(browser, step, "bob")
    assert isinstance(step.decision.verdict, Register)
    step = house.choose(browser, step, "totp")
    with pytest.raises(Refused):
        house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "totp", "code": house.code()})
    assert house.password(browser, step, "ada").sign_in.person == step.sign_in.person
    assert house.door.grants == []


def test_restart_in_the_middle_goes_on(house: House, browser: Browser, tmp_path: Path) -> None:
    house.person()
    partner = house.partner()
    step = browser.took(house.flow.begin(house.request(partner), browser.visit()))
    step = house.password(browser, step)
    second = build_house(house.ground.store, tmp_path, house.clock)
    assert second.totp(browser, step).reply is not None
    assert len(second.door.grants) == 1


def _code_for(house: House, manual_key: str) -> str:
    return pyotp.TOTP(manual_key.replace(" ", "")).at(house.clock.now())
