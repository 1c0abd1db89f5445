"""Browsers that stand in for a second factor: when they do, for whom, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp.core.errors import Denied
from idp.core.model import Partner, Strength
from idp.directory import blocks
from idp.factors import access_pass, recovery
from idp.factors.alarm import Occasion, Why
from idp.policy.model import Ask, Conditions, Controls, Issue, Rule
from idp.signin.issue import merge
from idp.signin.record import Crowded
from idp.signin.steps import Step
from idp.store import schema
from tests.hallway import Browser, House
from tests.passkeys import SoftKey
from tests.proofs import proof
from tests.signin.test_review import rules
from tests.signin.test_stand_ins import CODE


def remembering(days: int = 30, name: str = "remember", **conditions: tuple[str, ...]) -> Rule:
    return Rule(
        id=name, name=name, conditions=Conditions(**conditions), controls=Controls(remember_days=days)
    )


@pytest.fixture
def app(house: House) -> Partner:
    """An application, where browsers may stand in for thirty days."""
    rules(house, remembering())
    return house.partner()


def sign_in(house: House, browser: Browser, partner: Partner, **typed: str) -> Step:
    """Answer both pages, with a tick or none."""
    house.clock.advance(seconds=30)
    step = house.password(browser, begin(house, browser, partner))
    asked = step.sign_in.asked
    assert asked is not None
    assert asked.factor == "totp"
    answer = {"factor": "totp", "method": asked.method, "code": house.code(), **typed}
    return browser.took(house.flow.prove(step.sign_in.id, browser.visit(), answer))


def begin(house: House, browser: Browser, partner: Partner, **fields: object) -> Step:
    return browser.took(house.flow.begin(house.request(partner, **fields), browser.visit()))


def closed(browser: Browser) -> Browser:
    """Return the browser after its sessions ended: what it keeps is that it is known."""
    return Browser(device=browser.device)


def password_only(house: House, browser: Browser, partner: Partner, **fields: object) -> Step:
    return house.password(browser, begin(house, browser, partner, **fields))


@pytest.fixture
def trusted(house: House, browser: Browser, app: Partner) -> Browser:
    """A browser that stands in for Ada's app, with no session."""
    house.person()
    assert sign_in(house, browser, app, remember="1").reply is not None
    return closed(browser)


# Where it stands in -----------------------------------------------------------------------------
def test_the_password_is_enough_for_a_while(house: House, app: Partner, trusted: Browser) -> None:
    first = house.door.grants[-1]
    house.clock.advance(days=29)
    assert password_only(house, trusted, app).reply is not None
    grant = house.door.grants[-1]
    assert grant.amr == ("pwd", "mfa"), "what stood in is not said to have been shown"
    assert grant.acr is Strength.TWO
    assert grant.authenticated_at > first.authenticated_at + timedelta(days=28), "it is the person's own act"
    assert '"remembered": ["totp"]' in house.log.getvalue().splitlines()[-1].replace('":[', '": [')


def test_then_it_is_asked_for_again_and_using_it_did_not_make_it_last(
    house: House, app: Partner, trusted: Browser
) -> None:
    house.clock.advance(days=29)
    assert password_only(house, trusted, app).reply is not None
    house.clock.advance(days=2)
    step = password_only(house, closed(trusted), app)
    assert isinstance(step.decision.verdict, Ask)
    assert step.reply is None


def test_the_person_is_told_and_it_is_on_record(house: House, app: Partner, trusted: Browser) -> None:
    events = [json.loads(line)["event"] for line in house.log.getvalue().splitlines()]
    assert events.count("browser-trusted") == 1
    assert password_only(house, trusted, app).reply is not None
    assert house.log.getvalue().count('"browser-trusted"') == 1, "once, not each time it stands in"


def test_without_the_tick_nothing_stands_in(house: House, browser: Browser, app: Partner) -> None:
    house.person()
    assert sign_in(house, browser, app).reply is not None
    assert password_only(house, closed(browser), app).reply is None


def test_another_browser_is_asked(house: House, app: Partner, trusted: Browser) -> None:
    assert password_only(house, Browser(), app).reply is None
    assert password_only(house, Browser(device="a-secret-that-nobody-was-given"), app).reply is None


def test_another_person_is_asked_on_the_same_browser(house: House, app: Partner, trusted: Browser) -> None:
    house.person("bob")
    step = house.password(trusted, begin(house, trusted, app), "bob")
    assert step.reply is None
    assert isinstance(step.decision.verdict, Ask)


def test_it_opens_nothing_by_itself(house: House, app: Partner, trusted: Browser) -> None:
    step = begin(house, trusted, app)
    assert step.decision.counted == ()
    assert step.sign_in.person == ""


def test_a_wrong_password_stays_wrong(house: House, app: Partner, trusted: Browser) -> None:
    step = begin(house, trusted, app)
    with pytest.raises(Exception, match="not right"):
        house.password(trusted, step, password="wrong")
    assert house.flow.show(step.sign_in.id, trusted.visit()).decision.counted == ()


# Where it may not ---------------------------------------------------------------------------------
def test_without_a_rule_no_browser_is_remembered(house: House, browser: Browser) -> None:
    house.person()
    app = house.partner()
    assert sign_in(house, browser, app, remember="1").reply is not None
    with house.ground.store.read() as connection:
        assert connection.execute(sa.select(schema.devices.c.remembered)).scalars().all() == [[]]
    rules(house, remembering())
    assert password_only(house, closed(browser), app).reply is None


@pytest.mark.parametrize("forbids", ["application", "person", "group"])
def test_a_rule_forbids_it_for_an_application_a_person_or_a_group(
    house: House, app: Partner, trusted: Browser, forbids: str
) -> None:
    conditions = {
        "application": {"partners": (app.id,)},
        "person": {"people": ("ada",)},
        "group": {"groups": ("admins",)},
    }[forbids]
    if forbids == "group":
        with house.ground.store.write() as unit:
            unit.execute(sa.update(schema.people).values(groups=["admins"]))
    rules(house, remembering(), remembering(0, "never", **conditions))
    step = password_only(house, trusted, app)
    assert step.reply is None
    assert step.decision.remember == 0, "nor is it offered"


def test_the_fewest_days_of_all_rules_count_at_once(house: House, app: Partner, trusted: Browser) -> None:
    house.clock.advance(days=8)
    assert password_only(house, trusted, app).reply is not None
    rules(house, remembering(30), remembering(7, "week"))
    assert password_only(house, closed(trusted), app).reply is None


@pytest.mark.parametrize(
    "wish", [{"force": True}, {"max_age": 10**9}, {"strength": Strength.PHISHING_RESISTANT}]
)
def test_who_wants_it_fresh_or_stronger_gets_the_person(
    house: House, app: Partner, trusted: Browser, wish: dict[str, object]
) -> None:
    step = password_only(house, trusted, app, **wish)
    assert len(house.door.grants) == 1
    assert not isinstance(step.decision.verdict, Issue)


def test_a_rule_that_wants_another_method_is_not_served_by_what_stands_in(
    house: House, app: Partner, trusted: Browser
) -> None:
    rules(house, remembering(), Rule(id="app", name="app", controls=Controls(methods=("passkey",))))
    assert password_only(house, trusted, app).reply is None


def test_a_remembered_passkey_is_no_passkey(house: House, browser: Browser, key: SoftKey) -> None:
    """Neither does it open a sign-in, nor does it resist phishing, nor is the device's question answered."""
    app = house.partner()
    rules(house, remembering())
    step = house.choose(browser, house.password(browser, begin(house, browser, app)), "passkey")
    asked = step.sign_in.asked
    assert asked is not None
    given = {"factor": "passkey", "method": "", "credential": key.show(asked.challenge["options"])}
    step = browser.took(house.flow.prove(step.sign_in.id, browser.visit(), {**given, "remember": "1"}))
    assert step.reply is not None
    back = closed(browser)
    assert begin(house, back, app).decision.counted == ()
    assert password_only(house, back, app).reply is not None
    assert house.door.grants[-1].acr is Strength.TWO
    step = password_only(house, closed(browser), app, strength=Strength.PHISHING_RESISTANT)
    assert step.reply is None


@pytest.mark.parametrize("stand_in", ["recovery", "pass"])
def test_what_stands_in_for_a_lost_method_is_not_remembered(
    house: House, browser: Browser, app: Partner, stand_in: str
) -> None:
    person = house.person()
    now = house.clock.now()
    code = CODE
    new = (
        recovery.handed_out(person, (code,), at=now)
        if stand_in == "recovery"
        else access_pass.handed_out(person, code, access_pass.PassTerms(), at=now)
    )
    with house.ground.store.write() as unit:
        house.hall.methods.add(unit, person.id, new, allowed=True)
    step = password_only(house, browser, app)
    verdict = step.decision.verdict
    assert isinstance(verdict, Ask)
    offer = next(one for one in verdict.offers if one.factor == stand_in)
    step = house.choose(browser, step, stand_in, offer.method)
    answer = {"factor": stand_in, "method": offer.method, "code": code, "remember": "1"}
    step = browser.took(house.flow.prove(step.sign_in.id, browser.visit(), answer))
    if stand_in == "recovery":
        step = browser.took(house.flow.confirm(step.sign_in.id, browser.visit(), "codes", "yes"))
    assert step.reply is not None
    assert password_only(house, closed(browser), app).reply is None


# How it ends ----------------------------------------------------------------------------------------
def test_a_browser_that_is_to_ask_again_asks_and_so_does_its_session(
    house: House, app: Partner, trusted: Browser
) -> None:
    other = house.partner()
    assert password_only(house, trusted, app).reply is not None
    grant = house.door.grants[-1]
    assert begin(house, trusted, other).reply is not None, "single sign-on"
    with house.ground.store.write() as unit:
        person = house.door.grants[-1].person
        (seen,) = house.hall.devices.trusted(unit.connection, person, house.clock.now())
        assert house.hall.devices.ask_again(unit, "somebody-else", seen.id) == 0
        assert house.hall.devices.ask_again(unit, person, seen.id) == 1
    step = begin(house, trusted, house.partner())
    assert isinstance(step.decision.verdict, Ask), "the session has the password left"
    with pytest.raises(Denied):
        house.flow.renew(grant)
    assert password_only(house, closed(trusted), app).reply is None


@pytest.mark.parametrize("event", ["method removed", "proofs forgotten", "browser forgotten"])
def test_what_ends_a_proof_ends_what_stands_in_for_it(
    house: House, app: Partner, trusted: Browser, event: str
) -> None:
    person = house.door.grants[-1].person
    house.clock.advance(seconds=1)
    with house.ground.store.write() as unit:
        if event == "method removed":
            for method in house.hall.methods.of(unit.connection, person):
                house.hall.methods.remove(unit, method.id)
            house.hall.methods.reopen(unit, person)
        elif event == "proofs forgotten":
            house.hall.people.forget_proofs(unit, person)
        else:
            house.hall.devices.forget(unit, person)
    step = password_only(house, trusted, app)
    assert step.reply is None
    assert not isinstance(step.decision.verdict, Issue)


def test_a_tick_is_for_the_account_that_made_it(house: House, browser: Browser, app: Partner) -> None:
    """Ada ticks, and then somebody switches to Bob in the same sign-in."""
    house.person("ada")
    house.person("bob")
    sign_in(house, browser, app)
    house.clock.advance(seconds=30)
    step = begin(house, browser, app, confirm=("account",))
    ticked = replace(step.sign_in, remember=True)
    version = house.flow.records.load(step.sign_in.id, browser.visit())[1]
    assert house.flow.records.save(ticked, version) is not None
    step = browser.took(house.flow.confirm(step.sign_in.id, browser.visit(), "account", "other"))
    assert not step.sign_in.remember
    step = house.password(browser, step, "bob")
    assert house.totp(browser, step).reply is not None
    back = closed(browser)
    assert house.password(back, begin(house, back, app), "bob").reply is None


def test_nobody_sets_up_a_method_behind_a_browser_that_stands_in(
    house: House, app: Partner, trusted: Browser
) -> None:
    step = password_only(house, trusted, app, register="passkey")
    assert step.sign_in.enrolment is None
    assert house.door.grants[-1].amr == ("pwd", "mfa")


def test_what_is_asked_fresh_is_asked_though_the_tick_is_a_minute_old(house: House, trusted: Browser) -> None:
    """The console and one's own page want it so (max_age), whatever the rules remember."""
    house.clock.advance(minutes=1)
    step = password_only(house, trusted, house.partner(), max_age=900, strength=Strength.TWO)
    assert isinstance(step.decision.verdict, Ask)


def test_a_sign_in_begun_before_the_tick_finds_nothing_where_a_rule_forbids_it(
    house: House, browser: Browser, app: Partner
) -> None:
    house.person()
    early = begin(house, browser, app)
    assert sign_in(house, browser, app, remember="1").reply is not None
    rules(house, remembering(), remembering(0, "never"))
    back = Browser(browser=browser.browser, device=browser.device)
    assert house.password(back, early).reply is None


def test_a_copy_of_the_cookie_from_before_the_tick_is_worth_nothing(
    house: House, browser: Browser, app: Partner
) -> None:
    house.person()
    assert sign_in(house, browser, app).reply is not None
    copied = browser.device
    browser.session = ""
    assert sign_in(house, browser, app, remember="1").reply is not None
    assert browser.device != copied
    assert password_only(house, Browser(device=copied), app).reply is None
    assert password_only(house, closed(browser), app).reply is not None


def test_a_block_that_ran_out_leaves_nothing_that_stands_in(
    house: House, app: Partner, trusted: Browser
) -> None:
    person = house.door.grants[-1].person
    now = house.clock.now()
    with house.ground.store.write() as unit:
        house.hall.tools.alarm(unit, person, Why.FLOOD, Occasion(factor="push"))
    house.clock.advance(days=2)
    assert house.clock.now() - now > blocks.FLOOD_LASTS
    step = password_only(house, trusted, app)
    assert isinstance(step.decision.verdict, Ask)
    assert step.reply is None


def test_what_was_to_ask_again_stands_for_nothing_old_after_another_tick(
    house: House, app: Partner, trusted: Browser
) -> None:
    assert password_only(house, trusted, app).reply is not None
    grant = house.door.grants[-1]
    with house.ground.store.write() as unit:
        assert house.hall.devices.ask_again(unit, grant.person) == 1
    assert sign_in(house, closed(trusted), app, remember="1").reply is not None
    with pytest.raises(Denied):
        house.flow.renew(grant)


def test_what_was_shown_goes_before_what_stands_in_for_it(house: House, browser: Browser) -> None:
    shown = proof("totp", "p", house.clock.now())
    standing = replace(shown, remembered="d")
    assert merge((shown,), (standing,)) == merge((standing,), (shown,)) == (shown,)


def test_a_flood_of_denials_before_any_sign_in_writes_no_record(house: House, browser: Browser) -> None:
    app = house.partner()
    rules(house, Rule(id="closed", name="closed", controls=Controls(deny=True)))
    before, crowded = house.log.getvalue().count("token-denied"), 0
    for _ in range(700):
        try:
            begin(house, Browser(), app)
        except Crowded:
            crowded += 1
    assert crowded > 0
    assert house.log.getvalue().count("token-denied") - before == 700 - crowded
