"""Carriers at the desk: set up with their secrets, ordered, tried, removed; all of it recorded."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from idp.channels.carriers import SetUp, described
from idp.channels.deliveries import Status
from idp.channels.gateway import HttpSettings
from idp.channels.smtp import SmtpSettings
from idp.channels.twilio import TwilioSettings
from idp.core.errors import Refused
from idp.desk.rights import NotAllowed
from idp.directory.people import NewPerson
from idp.store import schema
from tests.desk.conftest import NOBODY, OWNER

SECRET = "s3cret-of-the-gateway"
HTTP = SetUp(name="own", settings=HttpSettings(url="https://sms.example/?key={secret}"))
TWILIO = SetUp(name="cloud", settings=TwilioSettings(account="AC" + "0" * 32, sender="Countersign"))
MAIL = SetUp(name="mail", settings=SmtpSettings(host="mail.example", port=587, sender="a@b.example"))


def names(desk) -> list[str]:
    return [one.name for one in desk.channels.listing(actor=OWNER)]


def rows(store, table) -> list[sa.RowMapping]:
    with store.read() as connection:
        return list(connection.execute(sa.select(table)).mappings())


@pytest.fixture
def three(desk):
    assert desk.channels.save(HTTP, SECRET, actor=OWNER) is False
    assert desk.channels.save(TWILIO, SECRET, actor=OWNER) is False
    assert desk.channels.save(MAIL, "", actor=OWNER) is False
    return desk


def test_they_come_in_the_order_they_were_set_up(three):
    assert names(three) == ["own", "cloud", "mail"]
    assert three.channels.show("cloud", actor=OWNER) == TWILIO


def test_another_order(three):
    three.channels.reorder(["mail", "cloud", "own"], actor=OWNER)
    assert names(three) == ["mail", "cloud", "own"]
    for wrong in (["mail"], ["mail", "cloud", "cloud"], ["mail", "cloud", "own", "x"], []):
        with pytest.raises(Refused, match="Name every carrier once"):
            three.channels.reorder(wrong, actor=OWNER)


def test_one_that_is_set_up_anew_keeps_its_place_and_a_new_one_comes_last(three):
    three.channels.remove("cloud", actor=OWNER)
    assert three.channels.save(HTTP, "another", actor=OWNER) is True
    three.channels.save(TWILIO, SECRET, actor=OWNER)
    assert names(three) == ["own", "mail", "cloud"]


def test_row_67_no_secret_is_shown_recorded_or_kept_readable(three, store):
    shown = json.dumps([described(one) for one in three.channels.listing(actor=OWNER)])
    recorded = "".join(
        str(dict(row)) for table in schema.metadata.tables.values() for row in rows(store, table)
    )
    assert SECRET not in shown + recorded + "".join(three.log)


def test_row_69_a_secret_never_goes_to_another_address(three):
    moved = SetUp(name="own", settings=HttpSettings(url="https://evil.example/?key={secret}"))
    with pytest.raises(Refused, match="secret is missing"):
        three.channels.save(moved, "", actor=OWNER)
    three.channels.save(moved, "given anew", actor=OWNER)
    [ready] = [each for each in three.channels.carriers.ready() if each.set_up.name == "own"]
    assert ready.carrier._secret == "given anew"


def test_every_change_is_recorded(three, store):
    three.channels.reorder(["mail", "cloud", "own"], actor=OWNER)
    three.channels.remove("mail", actor=OWNER)
    changes = [(row["noun"], row["key"]) for row in rows(store, schema.changes) if "carrier" in row["noun"]]
    assert changes == [
        ("carrier", "own"),
        ("carrier", "cloud"),
        ("carrier", "mail"),
        ("carriers", "order"),
        ("carrier", "mail"),
    ]
    events = [row["event"] for row in rows(store, schema.audit)]
    assert events == ["carrier-saved"] * 3 + ["carriers-ordered", "carrier-removed"]


@pytest.mark.parametrize("name", ["", "Own", "a b", "../x", "-a", "x" * 41])
def test_names(desk, name):
    with pytest.raises(Refused, match="named by"):
        desk.channels.save(SetUp(name=name, settings=HTTP.settings), SECRET, actor=OWNER)


@pytest.mark.parametrize("prefix", ["44", "+", "+0", "+44 1", "+1234567"])
def test_prefixes(desk, prefix):
    with pytest.raises(Refused, match="prefix"):
        desk.channels.save(SetUp(name="a", settings=HTTP.settings, prefixes=(prefix,)), SECRET, actor=OWNER)


@pytest.mark.parametrize("secret", ["a\r\nX: y", "pässword", "x" * 1001])
def test_secrets(desk, secret):
    with pytest.raises(Refused, match="one line"):
        desk.channels.save(HTTP, secret, actor=OWNER)


def test_what_is_not_there(desk):
    for verb in (desk.channels.show, desk.channels.remove, desk.channels.delivery):
        with pytest.raises(Refused, match="no "):
            verb("nobody", actor=OWNER)
    with pytest.raises(Refused, match="no carrier"):
        desk.channels.test("nobody", "+14255550123", actor=OWNER)


def test_a_test_waits_for_the_worker(three, store):
    for name, to, masked in (
        ("own", "+1 (425) 555-0123", "+1 ••• 23"),
        ("mail", "ada@b.example", "a•••@b.example"),
    ):
        delivery = three.channels.delivery(three.channels.test(name, to, actor=OWNER), actor=OWNER)
        assert (delivery.status, delivery.masked) == (Status.WAITING, masked)
    assert len(rows(store, schema.outbox)) == 2
    for name, to in (("own", "4255550123"), ("own", "+1x"), ("mail", "+14255550123"), ("own", "a@b.example")):
        with pytest.raises(Refused, match="is written like"):
            three.channels.test(name, to, actor=OWNER)


def test_messages_of_a_person(three, store, clock):
    ada = three.people.add(NewPerson(name="ada"), password="correct horse", actor=OWNER)
    three.channels.test("own", "+14255550123", actor=OWNER)
    with store.write() as unit:
        hers = three.channels.texts.send(
            unit, number="+14255550199", text="x", key="k", expires_at=clock.now(), person=ada.id
        )
    assert len(three.channels.deliveries(actor=OWNER)) == 2
    assert [each.id for each in three.channels.deliveries(person="ada", actor=OWNER)] == [hers]
    with pytest.raises(Refused):
        three.channels.deliveries(person="nobody", actor=OWNER)


def test_only_owners(three):
    for verb, arguments in (
        ("save", (HTTP, SECRET)),
        ("listing", ()),
        ("show", ("own",)),
        ("remove", ("own",)),
        ("reorder", (["own", "cloud", "mail"],)),
        ("test", ("own", "+14255550123")),
        ("delivery", ("x",)),
        ("deliveries", ()),
    ):
        with pytest.raises(NotAllowed):
            getattr(three.channels, verb)(*arguments, actor=NOBODY)
    assert names(three) == ["own", "cloud", "mail"]
