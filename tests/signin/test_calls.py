"""Phone calls in the hallway: picked up, refused, reported, never answered; PINs, codes, setting up."""

from __future__ import annotations

import pytest

from idp.audit import AuditLog, Filter
from idp.channels.spoken import Ended, Heard, Until
from idp.core.errors import Reason, Refused, Unchecked
from idp.core.model import Person
from idp.core.ports import Pending
from idp.factors.call import CallSettings, Mode
from idp.factors.call.factor import LASTS
from idp.factors.tolls import TollLimits
from idp.policy.model import Ask, Deny, Register
from idp.signin.steps import Step
from tests.hallway import Browser, House
from tests.signin.calling import begin, carrier, enrol, give, go_on, put, ringing, rings


@pytest.fixture
def ada(house: House) -> Person:
    carrier(house)
    return house.person(totp=False)


@pytest.fixture
def line(house: House, ada: Person) -> str:
    return give(house, ada)


def waiting(house: House, browser: Browser, step: Step) -> Pending:
    return house.flow.waiting(step.sign_in.id, browser.visit())


def reasons(house: House) -> list[str]:
    with house.ground.store.read() as connection:
        return [one.reason for one in AuditLog.search(connection, Filter(events=("phone-answered",)))]


# Answered -----------------------------------------------------------------------------------------
def test_a_call_that_is_picked_up_and_the_hash_key_is_a_second_factor(
    house: House, browser: Browser, line: str
) -> None:
    step = begin(house, browser)
    call = rings(house)
    assert call.to == "+14255550123"
    assert waiting(house, browser, step) is Pending.WAITING
    heard = call.pick_up()
    assert "This is Countersign" in heard
    assert "Expenses" in heard
    assert "press the hash key" in heard
    with pytest.raises(Unchecked, match="under way"):
        go_on(house, browser, step)
    assert "Thank you" in call.press("#")
    assert waiting(house, browser, step) is Pending.SETTLED
    assert go_on(house, browser, step).reply is not None
    assert house.door.grants[0].amr == ("pwd", "tel", "mfa")
    assert reasons(house) == ["approved"]
    assert "over" in call.press("#")


def test_a_phone_for_texts_can_be_called_too(house: House, browser: Browser, ada: Person) -> None:
    phone = house.give_phone(ada)
    step = begin(house, browser)
    assert isinstance(step.decision.verdict, Ask)
    assert [(one.factor, one.method) for one in step.decision.verdict.offers] == [("call", phone)]
    call = rings(house)
    call.pick_up()
    call.press("#")
    assert go_on(house, browser, step).reply is not None


def test_without_a_carrier_nobody_is_called(house: House, browser: Browser) -> None:
    person = house.person(totp=False)
    give(house, person)
    step = begin(house, browser)
    assert step.decision.verdict == Deny(reason=Reason.NO_METHOD)


def test_the_first_thing_that_is_heard_is_the_greeting(house: House, browser: Browser, line: str) -> None:
    begin(house, browser)
    call = rings(house)
    assert "This is Countersign" in call.press("#"), "nothing counts before it was said what it means"


# Row 45b and silence ---------------------------------------------------------------------------------
@pytest.mark.parametrize("typed", [{}, {"code": "000000"}, {"Digits": "#"}, {"outcome": "approved"}])
def test_row_45b_only_the_phone_gets_on(
    house: House, browser: Browser, line: str, typed: dict[str, str]
) -> None:
    step = begin(house, browser)
    rings(house).pick_up()
    with pytest.raises(Refused):
        go_on(house, browser, step, **typed)
    assert house.door.grants == []


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (Ended.BUSY, "busy"),
        (Ended.NO_ANSWER, "picked up"),
        (Ended.UNREACHABLE, "could not be reached"),
        (Ended.HUNG_UP, "ended before"),
    ],
)
def test_a_call_that_comes_to_nothing_says_why(
    house: House, browser: Browser, line: str, ended: Ended, said: str
) -> None:
    step = begin(house, browser)
    rings(house).end(ended)
    assert waiting(house, browser, step) is Pending.SETTLED
    with pytest.raises(Unchecked) as refused:
        go_on(house, browser, step)
    assert said in refused.value.public
    assert waiting(house, browser, step) is Pending.OVER
    assert reasons(house) == [ended.value]


def test_silence_is_no_yes(house: House, browser: Browser, line: str) -> None:
    step = begin(house, browser)
    call = rings(house)
    call.pick_up()
    assert "Nothing was pressed" in call.press("")
    call.press("")
    assert "Nobody was let in" in call.press("")
    with pytest.raises(Unchecked) as refused:
        go_on(house, browser, step)
    assert "right key" in refused.value.public
    assert reasons(house) == ["no-digits"]


def test_a_voice_box_is_told_nothing(house: House, browser: Browser, line: str) -> None:
    step = begin(house, browser)
    call = rings(house)
    assert call.heard(Heard(machine=True)).sentences == ()
    assert call.heard(Heard(keys="#")).until is None
    with pytest.raises(Unchecked) as refused:
        go_on(house, browser, step)
    assert "voice box" in refused.value.public
    assert house.door.grants == []


def test_nobody_picks_up_and_it_is_over(house: House, browser: Browser, line: str) -> None:
    step = begin(house, browser)
    call = rings(house)
    call.pick_up()
    with pytest.raises(Unchecked, match="under way"):
        house.choose(browser, step, "call", line)
    house.clock.advance(seconds=LASTS.total_seconds())
    assert "over" in call.press("#")
    with pytest.raises(Unchecked) as refused:
        go_on(house, browser, step)
    assert "Nobody picked up" in refused.value.public
    house.choose(browser, step, "call", line)
    again = rings(house)
    again.pick_up()
    again.press("#")
    assert go_on(house, browser, step).reply is not None


# Reported --------------------------------------------------------------------------------------------
def test_zero_and_one_report_and_block(house: House, browser: Browser, ada: Person, line: str) -> None:
    step = begin(house, browser)
    call = rings(house)
    call.pick_up()
    assert "press one" in call.press("0")
    assert "press one" in call.press("#"), "the hash that people press after the zero"
    assert "Nobody was let in" in call.press("1")
    step = go_on(house, browser, step)
    assert step.denied is not None
    assert step.denied.reason is Reason.BLOCKED
    assert house.door.grants == []
    assert begin(house, Browser()).decision.verdict == Deny(reason=Reason.BLOCKED)
    assert ringing(house) == []


def test_zero_and_hanging_up_is_a_no(house: House, browser: Browser, ada: Person, line: str) -> None:
    for turn in range(3):
        step = begin(house, Browser())
        call = rings(house)
        call.pick_up()
        call.press("0")
        call.end(Ended.HUNG_UP)
        assert reasons(house) == ["denied"] * (turn + 1)
    assert step.sign_in.asked is not None
    assert begin(house, browser).decision.verdict == Deny(reason=Reason.BLOCKED)


# Row 62 for calls: bound to sign-in and browser --------------------------------------------------------
def test_row_62_a_call_serves_the_sign_in_it_was_made_for(house: House, browser: Browser, line: str) -> None:
    mine, thief = begin(house, browser), Browser(address="203.0.113.66")
    theirs = begin(house, thief)
    assert theirs.sign_in.asked is None
    assert "another sign-in" in theirs.problem
    call = rings(house)
    call.pick_up()
    call.press("#")
    assert go_on(house, thief, theirs).reply is None
    assert go_on(house, browser, mine).reply is not None
    assert len(house.door.grants) == 1


def test_row_62_an_unknown_secret_says_nothing(house: House, browser: Browser, line: str) -> None:
    begin(house, browser)
    call = rings(house)
    call.secret = "x" * 43
    with pytest.raises(Refused, match="no such call"):
        call.pick_up()
    with pytest.raises(Refused, match="no such call"):
        call.end(Ended.HUNG_UP)


# PINs and codes -----------------------------------------------------------------------------------------
def test_with_pins_the_pin_is_typed_and_other_phones_are_not_called(
    house: House, browser: Browser, ada: Person
) -> None:
    put(house, CallSettings(mode=Mode.PIN))
    house.give_phone(ada)
    give(house, ada, pin="2580")
    step = begin(house, browser)
    call = rings(house)
    assert "type your PIN" in call.pick_up()
    assert call.heard(Heard(keys="1111")).until is Until.HASH
    assert "Thank you" in call.press("2580")
    assert go_on(house, browser, step).reply is not None


def test_three_wrong_pins_end_the_call_and_count_as_a_try(
    house: House, browser: Browser, ada: Person
) -> None:
    put(house, CallSettings(mode=Mode.PIN))
    give(house, ada, pin="2580")
    step = begin(house, browser)
    call = rings(house)
    call.pick_up()
    for pin in ("1111", "2222", "3333"):
        call.press(pin)
    with pytest.raises(Refused) as refused:
        go_on(house, browser, step)
    assert "not your PIN" in refused.value.public
    assert not isinstance(refused.value, Unchecked)


def test_a_wrong_pin_counts_as_a_try_however_the_call_ends(
    house: House, browser: Browser, ada: Person
) -> None:
    put(house, CallSettings(mode=Mode.PIN))
    give(house, ada, pin="2580")
    step = begin(house, browser)
    call = rings(house)
    call.pick_up()
    call.press("1111")
    call.press("")
    call.end(Ended.HUNG_UP)
    with pytest.raises(Refused) as refused:
        go_on(house, browser, step)
    assert not isinstance(refused.value, Unchecked)
    assert reasons(house) == ["wrong-pin"]


def test_a_code_is_read_out_and_typed_on_the_page(house: House, browser: Browser, ada: Person) -> None:
    put(house, CallSettings(mode=Mode.CODE))
    give(house, ada)
    step = begin(house, browser)
    call = rings(house)
    assert not any(letter.isdigit() for letter in call.pick_up()), "a voice box hears no code"
    heard = call.press("1")
    code = heard.partition("Your code is: ")[2].partition(".")[0].replace(", ", "")
    assert len(code) == 6
    call.end(Ended.HUNG_UP)
    assert waiting(house, browser, step) is Pending.WAITING
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    with pytest.raises(Refused, match="not right"):
        go_on(house, browser, step, code=wrong)
    assert go_on(house, browser, step, code=code).reply is not None
    other = Browser()
    step = begin(house, other)
    with pytest.raises(Refused, match="not right"):
        go_on(house, other, step, code=code)


def test_a_greeting_of_ones_own_is_said_in_its_language(house: House, browser: Browser, line: str) -> None:
    put(house, CallSettings(greetings={"en": "Good day from the Ministry."}))
    begin(house, browser)
    assert rings(house).pick_up().startswith("Good day from the Ministry. Somebody signs in")


# Limits ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (TollLimits(daily=0), "tomorrow"),
        (TollLimits(per_country=0), "Wait an hour"),
        (TollLimits(countries=("DE",)), "not called"),
    ],
)
def test_calls_cost_money_and_have_limits(
    house: House, browser: Browser, line: str, limits: TollLimits, said: str
) -> None:
    put(house, CallSettings(limits=limits))
    step = begin(house, browser)
    assert said in step.problem
    assert ringing(house) == []
    with house.ground.store.read() as connection:
        (withheld,) = AuditLog.search(connection, Filter(events=("phone-not-asked",)))
    assert withheld.reason in {"day", "country", "countries"}


# Setting up --------------------------------------------------------------------------------------------
def test_a_phone_is_set_up_by_a_call(house: House, browser: Browser, ada: Person) -> None:
    step = house.choose(browser, begin(house, browser), "call")
    assert isinstance(step.decision.verdict, Register)
    with pytest.raises(Unchecked, match="ordinary phone"):
        enrol(house, browser, step, number="+1 900 555 0123")
    step = enrol(house, browser, step, number="0221 4710 123", country="DE")
    call = rings(house)
    assert call.to == "+492214710123", "a landline will do"
    assert "setting up this phone" in call.pick_up()
    with pytest.raises(Unchecked, match="under way"):
        enrol(house, browser, step)
    call.press("#")
    step = house.later(browser, enrol(house, browser, step))
    assert step.decision.verdict == Register(factors=("recovery",))
    with house.ground.store.read() as connection:
        (method,) = house.hall.methods.of(connection, ada.id)
    assert method.label.endswith("23")
    assert "4710" not in method.label


def test_a_phone_is_set_up_with_its_pin(house: House, browser: Browser, ada: Person) -> None:
    put(house, CallSettings(mode=Mode.PIN))
    step = house.choose(browser, begin(house, browser), "call")
    for weak in ("", "123", "1234", "9876", "1111", "123456789", "12a4", "٢٥٨٠"):
        with pytest.raises(Unchecked, match="A PIN has"):
            enrol(house, browser, step, number="+14255550123", pin=weak)
    step = enrol(house, browser, step, number="+14255550123", pin="2580")
    call = rings(house)
    assert "PIN that you have chosen" in call.pick_up()
    call.press("2580")
    house.save_codes(browser, enrol(house, browser, step))
    other = Browser()
    house.clock.advance(minutes=2)
    step = begin(house, other)
    call = rings(house)
    call.pick_up()
    call.press("2580")
    assert go_on(house, other, step).reply is not None


def test_an_extension_is_dialled(house: House, browser: Browser, ada: Person) -> None:
    give(house, ada, extension="123")
    begin(house, browser)
    assert rings(house).to == "+14255550123;ext=123"
