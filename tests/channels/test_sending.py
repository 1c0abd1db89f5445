"""What rooms put into the outbox."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp.channels import Mail, Texts
from idp.jobs import Outbox
from idp.store import schema
from tests.jobs.conftest import SEALER

NUMBER = "+14255550123"


@pytest.fixture
def outbox(store, clock) -> Outbox:
    return Outbox(store, SEALER, clock)


def test_a_text_waits_sealed_and_once_for_its_key(store, clock, outbox):
    texts, ends = Texts(outbox), clock.now() + timedelta(minutes=5)
    with store.write() as unit:
        for text in ("Code 123456", "Code 654321"):
            texts.send(unit, number=NUMBER, text=text, key="k", expires_at=ends, person="ada")
    with store.read() as connection:
        [row] = connection.execute(sa.select(schema.outbox)).mappings().all()
    assert b"123456" not in row["sealed"]
    message = outbox.open(outbox.lease(["text"]))
    assert message.payload == {
        "number": NUMBER,
        "text": "Code 123456",
        "person": "ada",
        "expires_at": ends.isoformat(),
    }


def test_mail_and_text_with_one_key_are_two_messages(store, clock, outbox):
    with store.write() as unit:
        Texts(outbox).send(unit, number=NUMBER, text="t", key="k", expires_at=clock.now())
        Mail(outbox).send(unit, to="ada@example.org", subject="s", text="t", key="k")
    assert outbox.lease(["text"]) is not None
    assert outbox.open(outbox.lease(["mail"])).payload["to"] == "ada@example.org"


def send_and_fail(store, clock, outbox) -> None:
    with store.write() as unit:
        Texts(outbox).send(unit, number=NUMBER, text="t", key="k", expires_at=clock.now())
        raise KeyError


def test_what_is_rolled_back_is_not_sent(store, clock, outbox):
    with pytest.raises(KeyError):
        send_and_fail(store, clock, outbox)
    assert outbox.lease(["text"]) is None
