"""Setting up the phone app in the hallway: by a code that lets one phone in, and a number typed on it."""

from __future__ import annotations

import pytest

from idp.core.errors import Refused, Unchecked
from idp.core.model import Person
from idp.core.ports import Pending
from idp.factors.elsewhere import Said
from idp.factors.push import Phones
from idp.policy.model import Confirm, Register
from idp.signin.attempts import Attempts
from idp.signin.steps import Step
from tests.hallway import Browser, House
from tests.signin.phoning import InHand, asked, begin, enrol, give, go_on, number


@pytest.fixture
def ada(house: House) -> Person:
    return house.person(totp=False)


@pytest.fixture
def phone(house: House, ada: Person) -> InHand:
    return give(house, ada)


def waiting(house: House, browser: Browser, step: Step) -> Pending:
    return house.flow.waiting(step.sign_in.id, browser.visit())


def setting_up(house: House, browser: Browser) -> Step:
    step = begin(house, browser)
    return house.choose(browser, step, "push")


def shown(house: House, step: Step) -> dict[str, object]:
    assert step.person is not None
    assert step.sign_in.enrolment is not None
    return dict(house.flow.judge.factors.enrollers["push"].show(step.person, step.sign_in.enrolment))


def connected(house: House, step: Step) -> InHand:
    phones = Phones.of(house.hall.tools)
    made = phones.connect(str(shown(house, step)["setup_code"]), public="x.y", label="Pixel")
    return InHand(house, made.id)


def test_a_phone_is_set_up_by_code_and_number(house: House, browser: Browser, ada: Person) -> None:
    step = setting_up(house, browser)
    assert isinstance(step.decision.verdict, Register)
    assert str(shown(house, step)["address"]).startswith("https://login.example.org/authenticator/#")
    assert waiting(house, browser, step) is Pending.WAITING
    with pytest.raises(Unchecked, match="Scan the picture"):
        enrol(house, browser, step)
    phone = connected(house, step)
    assert waiting(house, browser, step) is Pending.SETTLED
    step = enrol(house, browser, step)
    told = shown(house, step)
    assert told["phone"] == "Pixel"
    question = phone.look()
    assert question is not None
    assert question.setting_up
    assert waiting(house, browser, step) is Pending.WAITING
    assert phone.say(Said.APPROVED, str(told["number"])) is Said.APPROVED
    step = house.later(browser, enrol(house, browser, step))
    assert step.decision.verdict == Register(factors=("recovery",))
    assert house.save_codes(browser, step).reply is not None
    # From now on it is the person's, under the id that it came by.
    house.clock.advance(seconds=30)
    other = Browser()
    step = begin(house, other)
    assert phone.approve(step) is Said.APPROVED
    assert go_on(house, other, step).reply is not None


def test_row_61_a_phone_that_guesses_wrong_while_it_is_set_up_is_out(
    house: House, browser: Browser, ada: Person
) -> None:
    step = setting_up(house, browser)
    phone = connected(house, step)
    step = enrol(house, browser, step)
    wrong = f"{(int(str(shown(house, step)['number'])) + 1) % 100:02}"
    assert phone.say(Said.APPROVED, wrong) is Said.WRONG
    with pytest.raises(Refused) as refused:
        enrol(house, browser, step)
    assert "another number" in refused.value.public
    with pytest.raises(Unchecked, match="took too long"):
        enrol(house, browser, step, again="1")
    with pytest.raises(Refused, match="not set up"):
        phone.look()
    step = house.choose(browser, step, "push")
    second = connected(house, step)
    step = enrol(house, browser, step)
    assert second.say(Said.APPROVED, str(shown(house, step)["number"])) is Said.APPROVED
    step = house.later(browser, enrol(house, browser, step))
    assert step.decision.verdict == Register(factors=("recovery",))


def test_a_phone_is_always_known_while_its_method_is_made(
    house: House, browser: Browser, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = setting_up(house, browser)
    phone = connected(house, step)
    step = enrol(house, browser, step)
    phone.say(Said.APPROVED, str(shown(house, step)["number"]))
    registered, seen = Attempts.registered, list[bool]()

    def watched(*args: object, **more: object) -> None:
        seen.append(phone.phone.ready)
        registered(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Attempts, "registered", watched)
    assert not phone.phone.ready
    enrol(house, browser, step)
    assert seen, "it was found in the middle of it"
    assert phone.phone.ready


def test_a_person_has_five_phones_and_begins_one_at_a_time(
    house: House, browser: Browser, ada: Person
) -> None:
    step = setting_up(house, browser)
    code = str(shown(house, step)["setup_code"])
    step = house.choose(browser, step, "push")
    with pytest.raises(Refused, match="not right"):
        Phones.of(house.hall.tools).connect(code, public="x.y", label="")
    for place in range(5):
        give(house, ada, f"phone {place}")
    with pytest.raises(Refused, match="five phones"):
        house.flow.judge.factors.enrollers["push"].begin(step.sign_in, ada)


def test_row_61_a_code_lets_one_phone_in_and_ends(house: House, browser: Browser, ada: Person) -> None:
    step = setting_up(house, browser)
    code = str(shown(house, step)["setup_code"])
    phones = Phones.of(house.hall.tools)
    with pytest.raises(Refused, match="not right"):
        phones.connect("BBBB-BBBB-BBBB-BBBB", public="x.y", label="")
    first = phones.connect(code.lower().replace("-", " "), public="x.y", label="")
    with pytest.raises(Refused, match="not right"):
        phones.connect(code, public="a.b", label="")
    house.clock.advance(minutes=15)
    with pytest.raises(Refused, match="not set up"):
        phones.find(first.id)


def test_row_61_while_it_is_set_up_it_answers_no_sign_in(
    house: House, browser: Browser, ada: Person, phone: InHand
) -> None:
    wish = house.request(house.partner(), register="push")
    step = browser.took(house.flow.begin(wish, browser.visit()))
    step = house.password(browser, step)
    phone.approve(step)
    step = go_on(house, browser, step)
    assert isinstance(step.decision.verdict, Register)
    new = connected(house, step)
    thief = Browser(address="203.0.113.66")
    theirs = begin(house, thief)
    assert new.look() is None
    request = asked(theirs).challenge["request"]
    said = new.phones.answer(new.phone, request, Said.APPROVED, number=number(theirs))
    assert said is Said.NOTHING
    with pytest.raises(Unchecked, match="another sign-in"):
        enrol(house, browser, step)


def test_a_person_signed_in_by_phone_is_asked_nothing_more(
    house: House, browser: Browser, phone: InHand
) -> None:
    step = begin(house, browser)
    phone.approve(step)
    assert go_on(house, browser, step).reply is not None
    again = house.flow.begin(house.request(house.partner()), browser.visit())
    assert not isinstance(again.decision.verdict, Confirm)
    assert again.reply is not None
