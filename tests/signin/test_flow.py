"""The flow from a request to the grant, and what must never lead there."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa

from idp.core.errors import BadMessage, Denied, Reason, Refused
from idp.core.model import Strength, SubjectForm
from idp.policy.model import Ask, Confirm, Deny, Issue, Register
from idp.signin.record import Expired, Finished, Foreign
from idp.store import schema
from tests.hallway import ACTOR, Browser, House, build_house


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
    assert step.decision.verdict == Register(factors=("totp",))
    draft = step.sign_in.enrolment
    assert draft is not None
    assert house.door.grants == []
    with pytest.raises(Refused):
        house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "totp", "code": "000000"})
    enroller = house.flow.judge.factors.enrollers["totp"]
    code = _code_for(house, enroller.show(person, draft)["manual_key"])
    step = browser.took(house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "totp", "code": code}))
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
    for who, step in (("mine", mine), ("theirs", theirs)):
        assert step.sign_in.enrolment is not None
        codes[who] = _code_for(house, enroller.show(person, step.sign_in.enrolment)["manual_key"])
    house.flow.enrol(mine.sign_in.id, browser.visit(), {"factor": "totp", "code": codes["mine"]})
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

    threads = [threading.Thread(target=answer) for _ in range(6)]
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


# What changes while somebody signs in -----------------------------------------------------------
def test_case_22_partner_disabled_in_the_middle(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    step = browser.took(house.flow.begin(house.request(partner), browser.visit()))
    step = house.password(browser, step)
    with house.ground.store.write() as unit:
        house.ground.partners.save(unit, replace(partner, enabled=False), actor=ACTOR, at=house.clock.now())
    with pytest.raises(BadMessage):
        house.totp(browser, step)
    assert house.door.grants == []
    assert house.door.denials == []


def test_person_disabled_in_the_middle(house: House, browser: Browser) -> None:
    person = house.person()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    with house.ground.store.write() as unit:
        house.hall.people.set_enabled(unit, person.id, enabled=False)
    assert house.totp(browser, step).reply is None
    assert house.door.grants == []


def test_person_disabled_with_a_live_session(house: House, browser: Browser) -> None:
    person = house.person()
    house.sign_in(browser, house.partner())
    with house.ground.store.write() as unit:
        house.hall.people.set_enabled(unit, person.id, enabled=False)
    step = house.flow.begin(house.request(house.partner()), browser.visit())
    assert step.decision.verdict == Deny(reason=Reason.PERSON_DISABLED)
    assert len(house.door.grants) == 1
    with pytest.raises(Denied):
        house.flow.renew(house.door.grants[0])


def test_signed_out_in_another_tab_is_not_undone(house: House, browser: Browser) -> None:
    """A sign-in that began with a session's proofs loses them when the session ends."""
    house.person()
    house.sign_in(browser, house.partner())
    house.clock.advance(seconds=1)
    waiting = house.flow.begin(house.request(house.partner(), confirm=("account",)), browser.visit())
    assert waiting.decision.verdict == Confirm(what="account")
    house.hall.signout.begin(browser.visit(), finish_door="", finish={})
    step = house.flow.confirm(waiting.sign_in.id, browser.visit(), "account", "yes")
    assert isinstance(step.decision.verdict, Ask)
    assert len(house.door.grants) == 1


# What partners may ask for ------------------------------------------------------------------------
def test_case_25_force_asks_both_again_and_moves_the_time(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    before = browser.session
    house.clock.advance(minutes=5)
    step = house.sign_in(browser, partner, force=True)
    assert step.reply is not None
    one, two = house.door.grants
    assert two.authenticated_at > one.authenticated_at
    assert two.session == one.session
    assert browser.session != before, "the session id changes at every gain"
    old = Browser(browser=browser.browser, session=before)
    assert house.flow.begin(house.request(partner), old.visit()).reply is None


def test_case_25_silent_never_shows_a_page(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    step = house.flow.begin(house.request(partner, silent=True), browser.visit())
    assert step.reply is not None
    assert step.reply.fields == {"error": "login_required"}
    house.sign_in(browser, partner)
    assert house.flow.begin(house.request(partner, silent=True), browser.visit()).reply is not None
    assert len(house.door.grants) == 1 + 1
    both = house.flow.begin(house.request(partner, silent=True, force=True), browser.visit())
    assert both.reply is not None
    assert both.reply.fields == {"error": "login_required"}


def test_max_age_asks_again_when_too_old(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    house.clock.advance(minutes=10)
    assert house.flow.begin(house.request(partner, max_age=3600), browser.visit()).reply is not None
    assert house.flow.begin(house.request(partner, max_age=60), browser.visit()).reply is None
    step = house.sign_in(browser, partner, max_age=0)
    assert step.reply is not None
    assert house.door.grants[-1].authenticated_at == house.clock.now()


def test_what_cannot_be_met_is_answered(house: House, browser: Browser) -> None:
    house.person()
    strong = house.request(house.partner(), strength=Strength.PHISHING_RESISTANT)
    step = house.password(browser, browser.took(house.flow.begin(strong, browser.visit())))
    assert step.reply is not None
    assert step.reply.fields == {"error": "context"}


def test_account_chooser_lets_another_person_in(house: House, browser: Browser) -> None:
    house.person("ada")
    other = house.person("bob")
    partner = house.partner()
    house.sign_in(browser, partner, "ada")
    step = house.flow.begin(house.request(partner, confirm=("account",)), browser.visit())
    step = house.flow.confirm(step.sign_in.id, browser.visit(), "account", "other")
    house.clock.advance(seconds=30)
    step = house.totp(browser, house.password(browser, step, "bob"))
    assert step.reply is not None
    assert house.door.grants[-1].person == other.id


def test_consent_refused_is_cancelled(house: House, browser: Browser) -> None:
    house.person()
    step = house.sign_in(browser, house.partner(), confirm=("consent",))
    assert step.decision.verdict == Confirm(what="consent")
    assert house.door.grants == []
    step = house.flow.confirm(step.sign_in.id, browser.visit(), "consent", "no")
    assert step.reply is not None
    assert step.reply.fields == {"error": "cancelled"}


def test_expected_person_is_the_one_or_nobody(house: House, browser: Browser) -> None:
    house.person("ada")
    bob = house.person("bob")
    partner = house.partner()
    house.sign_in(browser, partner, "ada")
    silent = house.flow.begin(house.request(partner, silent=True, expected_person=bob.id), browser.visit())
    assert silent.reply is not None
    assert silent.reply.fields == {"error": "login_required"}
    asked = house.flow.begin(house.request(partner, expected_person=bob.id), browser.visit())
    step = house.password(browser, asked, "ada")
    assert step.reply is not None
    assert step.reply.fields == {"error": "other_person"}


# Sessions -----------------------------------------------------------------------------------------
def test_case_49_a_planted_browser_cookie_gives_no_session(house: House) -> None:
    """The attacker's sign-in, finished by the victim, leaves the attacker nothing."""
    house.person()
    partner, attacker = house.partner(), Browser()
    step = attacker.took(house.flow.begin(house.request(partner), attacker.visit()))
    victim = Browser(browser=attacker.browser)
    house.totp(victim, house.password(victim, step))
    assert victim.session
    with pytest.raises(Finished):
        house.flow.show(step.sign_in.id, attacker.visit())
    assert house.flow.begin(house.request(partner), attacker.visit()).reply is None


def test_case_49_the_session_id_of_before_is_worthless(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    planted = Browser(session="a-session-id-that-somebody-planted")
    house.sign_in(planted, partner)
    assert planted.session != "a-session-id-that-somebody-planted"


def test_case_51_two_people_on_one_browser(house: House, browser: Browser) -> None:
    house.person("ada")
    bob = house.person("bob")
    partner = house.partner()
    house.sign_in(browser, partner, "ada")
    first = house.door.grants[-1]
    house.clock.advance(seconds=30)
    house.sign_in(browser, partner, "bob", force=True)
    second = house.door.grants[-1]
    assert second.person == bob.id
    assert second.session != first.session
    assert second.participant != first.participant
    assert second.subject != first.subject
    with pytest.raises(Denied):
        house.flow.renew(first)


def test_stay_signed_in_outlives_the_window(house: House, browser: Browser) -> None:
    house.person()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.totp(browser, house.password(browser, step, stay="1"))
    assert step.session_ends is not None
    house.clock.advance(hours=12)
    assert house.flow.begin(house.request(house.partner()), browser.visit()).reply is not None
    house.clock.advance(hours=13)
    assert house.flow.begin(house.request(house.partner()), browser.visit()).reply is None


def test_a_plain_session_ends_after_eight_hours(house: House, browser: Browser) -> None:
    house.person()
    step = house.sign_in(browser, house.partner())
    assert step.session_ends is None
    house.clock.advance(hours=8)
    assert house.flow.begin(house.request(house.partner()), browser.visit()).reply is None


# Subjects -----------------------------------------------------------------------------------------
def test_subjects_are_pairwise_stored_and_in_the_form_asked(house: House, browser: Browser) -> None:
    person = house.person()
    one, two = house.partner(), house.partner()
    for partner, form in (
        (one, SubjectForm.PAIRWISE),
        (one, SubjectForm.PAIRWISE),
        (two, SubjectForm.PAIRWISE),
        (one, SubjectForm.TRANSIENT),
        (one, SubjectForm.TRANSIENT),
        (one, SubjectForm.EMAIL),
        (one, SubjectForm.PUBLIC),
    ):
        house.sign_in(browser, partner, subject=form) if not browser.session else house.flow.begin(
            house.request(partner, subject=form), browser.visit()
        )
    values = [grant.subject.value for grant in house.door.grants]
    assert values[0] == values[1] != values[2]
    assert len({values[0], values[2], values[3], values[4]}) == 4
    assert values[5:] == ["ada@example.org", person.id]


def test_a_subject_that_cannot_be_named_is_answered(house: House, browser: Browser) -> None:
    house.person()
    with house.ground.store.write() as unit:
        unit.execute(sa.update(schema.people).values(attributes={}))
    step = house.sign_in(browser, house.partner(), subject=SubjectForm.EMAIL)
    assert step.reply is not None
    assert step.reply.fields == {"error": "subject"}


# Renewal ------------------------------------------------------------------------------------------
def test_renew_gives_todays_claims_and_stops_with_the_session(house: House, browser: Browser) -> None:
    person = house.person()
    house.sign_in(browser, house.partner())
    grant = house.door.grants[0]
    with house.ground.store.write() as unit:
        unit.execute(
            sa.update(schema.people)
            .where(schema.people.c.id == person.id)
            .values(attributes={"mail": ["new@example.org"]})
        )
    renewed = house.flow.renew(grant)
    assert "new@example.org" in {claim.value for claim in renewed.claims}
    assert renewed.authenticated_at == grant.authenticated_at
    house.hall.signout.begin(browser.visit(), finish_door="", finish={})
    with pytest.raises(Denied):
        house.flow.renew(grant)


def _code_for(house: House, manual_key: str) -> str:
    return pyotp.TOTP(manual_key.replace(" ", "")).at(house.clock.now())


def test_whoever_types_a_name_has_chosen_the_account(house: House, browser: Browser) -> None:
    house.person()
    assert house.sign_in(browser, house.partner(), confirm=("account",)).reply is not None


def test_two_windows_at_once_share_one_participant(house: House, browser: Browser) -> None:
    house.person()
    partner, other = house.partner(), house.partner()
    house.sign_in(browser, other)
    said: list[str] = []

    def arrive() -> None:
        reply = house.flow.begin(house.request(partner), browser.visit()).reply
        assert reply is not None
        assert reply.fields is not None
        said.append(reply.fields["grant"])

    threads = [threading.Thread(target=arrive) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 8
    assert len({grant.participant for grant in house.door.grants if grant.id in said}) == 1
