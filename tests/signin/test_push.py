"""The phone app in the hallway: numbers typed on phones, codes, setting up, and who is asked what."""

from __future__ import annotations

import pytest

from idp.audit import AuditLog, Filter
from idp.core.errors import Refused, Unchecked
from idp.core.model import Method, Person, Strength
from idp.core.ports import Pending
from idp.factors.codes import hotp
from idp.factors.elsewhere import Said
from idp.factors.push.factor import LASTS
from idp.policy.model import Controls, Rule
from idp.signin.record import Foreign
from idp.signin.steps import Step
from tests.hallway import ACTOR, Browser, House
from tests.signin.keying import recorded
from tests.signin.phoning import SEED, InHand, asked, begin, give, go_on, number


@pytest.fixture
def ada(house: House) -> Person:
    return house.person(totp=False)


@pytest.fixture
def phone(house: House, ada: Person) -> InHand:
    return give(house, ada)


def waiting(house: House, browser: Browser, step: Step) -> Pending:
    return house.flow.waiting(step.sign_in.id, browser.visit())


# Asked and answered ---------------------------------------------------------------------------
def test_the_number_on_the_page_typed_on_the_phone_is_a_second_factor(
    house: House, browser: Browser, ada: Person, phone: InHand
) -> None:
    step = begin(house, browser)
    question = phone.look()
    assert question is not None
    assert question.application == "Expenses"
    assert question.request.address == "198.51.100.7"
    assert waiting(house, browser, step) is Pending.WAITING
    with pytest.raises(Unchecked, match="Nothing has come"):
        go_on(house, browser, step)
    assert phone.approve(step) is Said.APPROVED
    assert waiting(house, browser, step) is Pending.SETTLED
    assert go_on(house, browser, step).reply is not None
    (grant,) = house.door.grants
    assert (grant.person, grant.acr) == (ada.id, Strength.TWO)
    assert grant.amr == ("pwd", "pop", "swk", "mfa")
    assert phone.look() is None
    told = [(one["event"], one.get("reason")) for one in events(house)]
    assert ("phone-asked", "") in told
    assert ("phone-answered", "approved") in told


def events(house: House) -> list[dict[str, object]]:
    with house.ground.store.read() as connection:
        found = AuditLog.search(connection, Filter())
    return [{"event": one.event, "reason": one.reason} for one in found]


def test_the_page_shown_again_asks_nothing_anew(house: House, browser: Browser, phone: InHand) -> None:
    step = begin(house, browser)
    again = house.flow.show(step.sign_in.id, browser.visit())
    assert asked(again) == asked(step)
    anew = house.choose(browser, step, "push")
    assert asked(anew).challenge["request"] != asked(step).challenge["request"]
    assert phone.approve(anew) is Said.APPROVED


def test_a_code_of_the_app_does_it_without_a_connection(
    house: House, browser: Browser, phone: InHand
) -> None:
    step = begin(house, browser)
    code = hotp(SEED, int(house.clock.now().timestamp()) // 30, digits=6, algorithm="sha1")
    assert go_on(house, browser, step, code=code).reply is not None
    assert house.door.grants[0].amr == ("pwd", "otp", "mfa")
    other = Browser()
    step = begin(house, other)
    with pytest.raises(Refused, match="not right"):
        go_on(house, other, step, code=code)


def test_a_flood_does_not_take_the_codes_away(house: House, browser: Browser, phone: InHand) -> None:
    begin(house, Browser(address="203.0.113.66"))
    step = begin(house, browser)
    assert "another sign-in" in asked(step).challenge["problem"]
    code = hotp(SEED, int(house.clock.now().timestamp()) // 30, digits=6, algorithm="sha1")
    assert go_on(house, browser, step, code=code).reply is not None


def test_who_cancels_or_goes_another_way_is_not_asked_any_more(
    house: House, browser: Browser, ada: Person, phone: InHand
) -> None:
    house.give_totp(ada)
    step = begin(house, browser)
    assert phone.look() is not None
    house.choose(browser, step, "totp", next(one.id for one in mine(house, ada) if one.factor == "totp"))
    assert phone.look() is None
    step = begin(house, browser)
    assert phone.look() is not None
    house.flow.give_up(step.sign_in.id, browser.visit())
    assert phone.look() is None
    other = Browser()
    assert number(begin(house, other)) != ""


def mine(house: House, person: Person) -> tuple[Method, ...]:
    with house.ground.store.read() as connection:
        return house.hall.methods.of(connection, person.id)


def test_a_page_that_somebody_opened_makes_no_phone_ring(
    house: House, browser: Browser, ada: Person, phone: InHand
) -> None:
    one = Rule(id="one", name="one is enough", controls=Controls(strength=Strength.ONE))
    with house.ground.store.write() as unit:
        house.flow.judge.rules.replace_all(unit, [one], actor=ACTOR, at=house.clock.now())
    assert begin(house, browser).reply is not None
    house.clock.advance(seconds=60)
    wish = house.request(house.partner(), strength=Strength.TWO)
    step = browser.took(house.flow.begin(wish, browser.visit()))
    assert step.sign_in.asked is None, "they are only offered"
    assert phone.look() is None
    assert number(house.choose(browser, step, "push")) != ""
    assert phone.look() is not None


def test_each_of_two_phones_is_asked_and_one_answers(house: House, browser: Browser, ada: Person) -> None:
    one, two = give(house, ada, "Pixel"), give(house, ada, "iPad")
    step = begin(house, browser)
    assert one.look() is not None
    assert two.approve(step) is Said.APPROVED
    assert one.look() is None
    assert go_on(house, browser, step).reply is not None
    (accepted,) = [one for one in recorded(house, event="credential-accepted") if "method" in one]
    assert accepted["method"] == two.id


# Row 45b: the form says nothing -----------------------------------------------------------------
@pytest.mark.parametrize("typed", [{}, {"number": "42"}, {"outcome": "approved"}, {"code": ""}])
def test_row_45b_only_the_phone_gets_on(
    house: House, browser: Browser, phone: InHand, typed: dict[str, str]
) -> None:
    step = begin(house, browser)
    with pytest.raises(Refused):
        go_on(house, browser, step, **typed)
    assert house.door.grants == []


# Row 62: wrong number, another transaction, too late, twice, another browser ---------------------
def test_row_62_a_wrong_number_once_denies_that_request(
    house: House, browser: Browser, phone: InHand
) -> None:
    step = begin(house, browser)
    wrong = f"{(int(number(step)) + 1) % 100:02}"
    request = phone.look()
    assert request is not None
    assert phone.say(Said.APPROVED, wrong) is Said.WRONG
    assert phone.phones.answer(phone.phone, request.request.id, Said.APPROVED, number=number(step)) is (
        Said.NOTHING
    )
    with pytest.raises(Refused, match="another number"):
        go_on(house, browser, step)
    assert waiting(house, browser, step) is Pending.OVER
    with pytest.raises(Unchecked, match="is over"):
        go_on(house, browser, step)
    anew = house.choose(browser, step, "push")
    assert phone.approve(anew) is Said.APPROVED
    assert go_on(house, browser, anew).reply is not None


def test_row_62_an_approval_serves_the_sign_in_it_was_asked_for(
    house: House, browser: Browser, ada: Person, phone: InHand
) -> None:
    thief = Browser(address="203.0.113.66")
    mine = begin(house, browser)
    house.clock.advance(seconds=1)
    theirs = begin(house, thief)
    assert number(theirs) == "", "at most one is pending, of one browser"
    assert "another sign-in" in asked(theirs).challenge["problem"]
    assert phone.approve(mine) is Said.APPROVED
    assert waiting(house, thief, theirs) is Pending.OVER
    with pytest.raises(Unchecked, match="is over"):
        go_on(house, thief, theirs)
    assert go_on(house, browser, mine).reply is not None
    assert len(house.door.grants) == 1


def test_row_62_another_tab_takes_the_place_of_the_first(
    house: House, browser: Browser, phone: InHand
) -> None:
    first, second = begin(house, browser), begin(house, browser)
    assert waiting(house, browser, first) is Pending.OVER
    phone.approve(second)
    with pytest.raises(Unchecked, match="is over"):
        go_on(house, browser, first)
    assert go_on(house, browser, second).reply is not None


def test_row_62_another_persons_phone_answers_nothing(
    house: House, browser: Browser, ada: Person, phone: InHand
) -> None:
    bob = give(house, house.person("bob", totp=False))
    step = begin(house, browser)
    assert bob.look() is None
    request = asked(step).challenge["request"]
    assert bob.phones.answer(bob.phone, request, Said.APPROVED, number=number(step)) is Said.NOTHING
    assert waiting(house, browser, step) is Pending.WAITING


def test_row_62_too_late_is_told_once(house: House, browser: Browser, phone: InHand) -> None:
    step = begin(house, browser)
    question = phone.look()
    assert question is not None
    house.clock.advance(seconds=LASTS.total_seconds())
    assert phone.look() is None
    late = phone.phones.answer(phone.phone, question.request.id, Said.APPROVED, number=number(step))
    assert late is Said.NOTHING
    assert waiting(house, browser, step) is Pending.SETTLED
    with pytest.raises(Unchecked, match="in time"):
        go_on(house, browser, step)
    assert waiting(house, browser, step) is Pending.OVER
    assert "no-answer" in [one["reason"] for one in events(house)]


def test_row_62_an_approval_is_used_up(house: House, browser: Browser, phone: InHand) -> None:
    step = begin(house, browser)
    phone.approve(step)
    assert go_on(house, browser, step).reply is not None
    other = Browser()
    step = begin(house, other)
    assert waiting(house, other, step) is Pending.WAITING
    assert len(house.door.grants) == 1


def test_row_62_another_browser_sees_nothing(house: House, browser: Browser, phone: InHand) -> None:
    step = begin(house, browser)
    phone.approve(step)
    thief = Browser(browser="another cookie")
    with pytest.raises(Foreign):
        waiting(house, thief, step)
    with pytest.raises(Foreign):
        go_on(house, thief, step)


def test_row_53_an_approval_after_a_lock_is_worth_nothing(
    house: House, browser: Browser, phone: InHand
) -> None:
    step = begin(house, browser)
    for _ in range(10):
        with pytest.raises(Refused):
            go_on(house, browser, step, code="000000")
    phone.approve(step)
    step = go_on(house, browser, step)
    assert step.denied is not None
    assert house.door.grants == []


def test_a_removed_phone_answers_nothing(house: House, browser: Browser, ada: Person, phone: InHand) -> None:
    give(house, ada, "other")
    step = begin(house, browser)
    phone.approve(step)
    with house.ground.store.write() as unit:
        house.hall.methods.remove(unit, phone.id)
    with pytest.raises(Refused, match="no longer registered"):
        go_on(house, browser, step)
    with pytest.raises(Refused, match="not set up"):
        phone.look()
