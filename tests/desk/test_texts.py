"""Limits on text messages, and phones, at the desk."""

from __future__ import annotations

import json

import pytest

from idp.core.errors import Refused
from idp.desk.texts import TextRules
from idp.directory.people import NewPerson
from idp.factors.tolls import TollLimits
from tests.desk.conftest import OWNER


def test_what_is_not_given_stays(desk):
    assert desk.texts.show(actor=OWNER) == TextRules(limits=TollLimits(), messages={})
    desk.texts.set(daily=10, countries=["us", "DE", "us"], actor=OWNER)
    after = desk.texts.set(per_country=0, actor=OWNER)
    assert after.limits == TollLimits(daily=10, per_country=0, countries=("DE", "US"))
    assert desk.texts.show(actor=OWNER) == after
    assert desk.texts.set(countries=(), actor=OWNER).limits.countries == ()
    assert [json.loads(line)["event"] for line in desk.log] == ["limits-changed"] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"daily": -1},
        {"per_country": 10**9},
        {"countries": ["Germany"]},
        {"countries": ["001"]},
        {"messages": {"en": "Your code"}},
        {"messages": {"en": "{code} {code}"}},
        {"messages": {"en": "{code} for {name}"}},
        {"messages": {"en": "{code}\n@elsewhere.example #{code}"}},
        {"messages": {"en": "{code}" + "x" * 300}},
        {"messages": {"English": "{code}", "!": "{code}"}},
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(desk, wrong):
    with pytest.raises(Refused):
        desk.texts.set(**wrong, actor=OWNER)
    assert desk.texts.show(actor=OWNER) == TextRules(limits=TollLimits(), messages={})
    assert desk.log == []


def test_words_of_ones_own_by_language(desk):
    given = {"en": "{code} is your code for {service}.", "de": "Ihr Code: {code}"}
    assert desk.texts.set(messages=given, actor=OWNER).messages == given
    assert desk.texts.set(messages={"de": ""}, actor=OWNER).messages == {"en": given["en"]}
    assert desk.texts.show(actor=OWNER).limits == TollLimits()
    assert [json.loads(line)["event"] for line in desk.log] == ["methods-configured"] * 2


def test_a_mobile_number_is_a_phone_to_text_and_closes_the_first_set_up(desk):
    new = NewPerson(name="ada", attributes={"mobile": ("+1 4255550123",)})
    added = desk.people.add(new, password="correct horse", actor=OWNER)
    seen = desk.people.show("ada", actor=OWNER)
    assert seen.person == added
    assert not seen.person.may_enrol
    assert [(one.factor, one.label) for one in seen.methods] == [("sms", "+1 •••-•••-••23")]
    assert [json.loads(line)["event"] for line in desk.log] == ["person-added", "method-added"]
    assert "4255550123" not in "".join(desk.log)


def test_a_number_that_can_not_be_texted_adds_nobody(desk):
    new = NewPerson(name="ada", attributes={"mobile": ("+1 900 555 0123",)})
    with pytest.raises(Refused):
        desk.people.add(new, password="correct horse", actor=OWNER)
    assert desk.people.listing(actor=OWNER) == ()


def test_row_67_a_phone_is_shown_masked(desk):
    desk.people.add(NewPerson(name="ada"), password="correct horse", actor=OWNER)
    method = desk.methods.add_sms("ada", number="+49 151 23456789", actor=OWNER)
    assert method.label == "+49 •••• •••••89"
    shown = repr(desk.methods.listing("ada", actor=OWNER)) + "".join(desk.log)
    assert "234567" not in shown
    with pytest.raises(Refused):
        desk.methods.add_sms("ada", number="110", actor=OWNER)


def test_unlocking_forgets_wrong_codes_of_every_factor(desk, store, clock):
    ada = desk.people.add(NewPerson(name="ada"), password="correct horse", actor=OWNER)
    for factor in ("totp", "sms"):
        for _ in range(11):
            desk.people.lockout.count(
                factor=factor, first=False, target=f"person:{ada.id}", address="192.0.2.1", familiar=False
            )
    assert desk.people.show("ada", actor=OWNER).locked
    desk.people.unlock("ada", actor=OWNER)
    assert not desk.people.show("ada", actor=OWNER).locked
