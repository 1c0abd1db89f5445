"""What rooms put into the outbox."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp.channels import Texts, deliveries
from idp.channels.carriers import SetUp
from idp.channels.deliveries import Status
from idp.channels.gateway import HttpSettings
from idp.core.errors import Refused
from idp.store import schema
from tests.channels.conftest import CODE, NUMBER


def test_a_text_waits_sealed_and_once_for_its_key(office):
    delivery = office.text()
    assert office.text() == ""
    with office.store.read() as connection:
        [row] = connection.execute(sa.select(schema.outbox)).mappings().all()
    assert b"471193" not in row["sealed"]
    message = office.outbox.open(office.outbox.lease(["text"]))
    payload = dict(message.payload)
    assert len(payload.pop("secret")) >= 43
    ends = (office.clock.now() + timedelta(minutes=5)).isoformat()
    assert payload == {
        "to": NUMBER,
        "subject": "",
        "text": CODE,
        "person": "i-ada",
        "carrier": "",
        "expires_at": ends,
        "delivery": delivery,
    }


def test_mail_and_text_with_one_key_are_two_messages(office):
    assert office.text()
    assert office.mail()
    assert office.outbox.lease(["text"]) is not None
    assert office.outbox.open(office.outbox.lease(["mail"])).payload["to"] == "ada@example.org"


def test_its_record_says_neither_number_nor_text(office):
    delivery = office.text()
    with office.store.read() as connection:
        row = connection.execute(sa.select(schema.deliveries)).mappings().one()
    # Ids are random hexadecimal digits, and may have any four in a row.
    told = {name: value for name, value in row.items() if name not in {"id", "secret"}}
    assert "5550" not in str(told)
    known = office.delivery(delivery)
    assert (known.status, known.masked, known.person) == (Status.WAITING, "+1 ••• 23", "i-ada")
    assert office.delivery(office.mail()).masked == "a•••@example.org"


def send_and_fail(office) -> None:
    with office.store.write() as unit:
        Texts(office.outbox, office.clock).send(
            unit, number=NUMBER, text="t", key="k", expires_at=office.clock.now()
        )
        raise KeyError


def test_what_is_rolled_back_is_not_sent(office):
    with pytest.raises(KeyError):
        send_and_fail(office)
    assert office.outbox.lease(["text"]) is None
    with office.store.read() as connection:
        assert deliveries.recent(connection) == []


@pytest.mark.parametrize("secret", ["a\r\nX-More: b", "a\0", "ümlaut", "a" * 1001])
def test_a_secret_is_one_line_that_a_header_can_hold(office, secret):
    settings = HttpSettings(url="https://gateway.example/", headers={"X-Key": "{secret}"})
    with pytest.raises(Refused, match="one line"):
        office.add(SetUp(name="g", settings=settings), secret=secret)
