"""Single sign-on, subjects and renewal: what outlives one sign-in."""

from __future__ import annotations

import json
import threading

import pytest
import sqlalchemy as sa

from idp.core.errors import Denied
from idp.core.model import SubjectForm
from idp.signin.record import Finished
from idp.store import schema
from tests.hallway import Browser, House


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
    ended = [json.loads(line) for line in house.log.getvalue().splitlines() if "signed-out" in line]
    assert [(line["person"], line["detail"]["sessions"]) for line in ended] == [
        (first.person, [first.session])
    ]


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
        house.clock.advance(seconds=10)
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

    threads = [threading.Thread(target=arrive) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 5
    assert len({grant.participant for grant in house.door.grants if grant.id in said}) == 1
