"""Mail, to a real server: encrypted or not at all, one message to one address, whatever it says."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest

from idp.channels.carriers import SetUp
from idp.channels.smtp import Security, Smtp, SmtpSettings, usable
from idp.core.errors import Refused
from idp.core.ports import Parcel, Taken
from tests.channels.mailserver import PASSWORD, mail_server
from tests.net.servers import authority

MAIL = Parcel(
    to="ada@example.org",
    subject="A new phone – إشعار",
    text="Someone added a phone.\n.\nIf it was not you, say so.\n",
    key="i-delivery",
    at=datetime(2026, 3, 1, 12, tzinfo=UTC),
)
CA = authority().file.read_text()


def carrier(port: int, security: Security, **more: str) -> Smtp:
    secret = more.pop("secret", "")
    settings = SmtpSettings(
        host="127.0.0.1", port=port, sender="no-reply@login.example.org", security=security, **more
    )
    return Smtp("mail", settings, secret)


def certified():
    return authority().context("127.0.0.1")


def test_mail_arrives_as_it_was_written():
    with mail_server() as server:
        named = carrier(server.port, Security.NONE, sender_name='Müller "IT", Inc.')
        handover = named.send(MAIL)
    assert (handover.taken, handover.reference) == (Taken.YES, "i-delivery@login.example.org")
    [mail], [envelope] = server.mails, server.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@login.example.org", ["ada@example.org"])
    assert mail["From"].addresses[0].display_name == 'Müller "IT", Inc.'
    assert (mail["To"], mail["Subject"]) == (MAIL.to, MAIL.subject)
    assert mail["Message-ID"] == "<i-delivery@login.example.org>"
    assert mail["Date"].datetime == MAIL.at
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == MAIL.text


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_an_encrypted_way_with_a_login(security):
    with mail_server(**{security.value: certified()}) as server:
        sender = carrier(server.port, security, authorities=CA, user="mailer", secret=PASSWORD.decode())
        assert sender.send(MAIL).taken is Taken.YES
    assert (len(server.mails), server.logins[0].login) == (1, b"mailer")


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_must_be_trusted_and_for_the_name(security):
    for context, more in ((certified(), {}), (authority().context("other.example"), {"authorities": CA})):
        with mail_server(**{security.value: context}) as server:
            handover = carrier(server.port, security, **more).send(MAIL)
        assert (handover.taken, handover.reason) == (Taken.NOT_NOW, "certificate")
        assert server.mails == []


def test_no_encryption_no_mail():
    with mail_server() as server:  # as after somebody on the way took STARTTLS out of the answer
        handover = carrier(server.port, Security.STARTTLS, authorities=CA).send(MAIL)
    assert (handover.taken, handover.reason, server.mails) == (Taken.NOT_NOW, "not supported", [])


def test_a_wrong_password_is_not_the_messages_fault():
    with mail_server(starttls=certified()) as server:
        sender = carrier(server.port, Security.STARTTLS, authorities=CA, user="mailer", secret="wrong")
        handover = sender.send(MAIL)
    assert (handover.taken, handover.reason) == (Taken.NOT_NOW, "SMTP 535")


@pytest.mark.parametrize(
    ("replies", "taken"),
    [
        ({"rcpt": "550 5.1.1 ada@example.org unknown"}, Taken.NEVER),
        ({"rcpt": "451 4.3.0 later"}, Taken.NOT_NOW),
        ({"data": "554 5.7.1 spam"}, Taken.NEVER),
        ({"data": "452 4.2.2 full"}, Taken.NOT_NOW),
    ],
)
def test_what_its_codes_mean(replies, taken):
    with mail_server(**replies) as server:
        handover = carrier(server.port, Security.NONE).send(MAIL)
    code = next(iter(replies.values()))[:3]
    assert (handover.taken, handover.reason) == (taken, f"SMTP {code}")


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    handover = carrier(port, Security.NONE).send(MAIL)
    assert (handover.taken, handover.reason) == (Taken.NOT_NOW, "unreachable")


def test_a_server_that_lets_one_wait(monkeypatch):
    monkeypatch.setattr("idp.channels.smtp._SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        handover = carrier(silent.getsockname()[1], Security.NONE).send(MAIL)
    assert (handover.taken, handover.reason) == (Taken.NOT_NOW, "timeout")
    assert time.monotonic() - begun < 2


def test_one_that_hangs_up_on_the_message_may_have_it():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        talk = iter([b"220 x\r\n", b"250 x\r\n", b"250 x\r\n", b"250 x\r\n", b"354 go on\r\n"])
        handover = _in_thread(listener, talk)
    assert (handover.taken, handover.reason) == (Taken.PERHAPS, "unreachable")


def _in_thread(listener, talk):
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for line in talk:
                connection.sendall(line)
                connection.recv(4096)

    thread = Thread(target=serve)
    thread.start()
    handover = carrier(listener.getsockname()[1], Security.NONE).send(MAIL)
    thread.join()
    return handover


@pytest.mark.parametrize(
    "change",
    [
        {"to": "ada@example.org\r\nBcc: all@example.org"},
        {"to": "ada@example.org, bob@example.org"},
        {"to": "ada@example.org> SIZE=1"},
        {"to": '"a b"@example.org'},
        {"to": "Ada <ada@example.org>"},
        {"to": "ada@example.org\n"},
        {"to": "ada"},
        {"subject": "x\r\nBcc: all@example.org"},
        {"subject": "x\n y"},
        {"subject": "x\u2028Bcc: y"},
    ],
)
def test_no_header_and_no_second_recipient_can_be_put_in(change):
    with mail_server() as server:
        handover = carrier(server.port, Security.NONE).send(replace(MAIL, **change))
    assert (handover.taken, server.mails) == (Taken.NEVER, [])


def test_a_text_is_no_more_than_a_text():
    text = "Bcc: all@example.org\r\n\r\n.\r\nMAIL FROM:<x@y>\r\n" + "x" * 5000
    with mail_server() as server:
        assert carrier(server.port, Security.NONE).send(replace(MAIL, text=text)).taken is Taken.YES
    [mail] = server.mails
    assert mail["Bcc"] is None
    assert mail.get_content().replace("\r\n", "\n").strip() == text.replace("\r\n", "\n")


@pytest.mark.parametrize("address", ["a@b", "ada.l+x@example.org", "o'neil@xn--bcher-kva.example"])
def test_usable_addresses(address):
    assert usable(address)


@pytest.mark.parametrize(
    "change",
    [
        {"security": Security.NONE},
        {"host": "mail.example.org\r\n"},
        {"host": ""},
        {"port": 0},
        {"sender": "Ada <a@b>"},
        {"sender_name": "x\r\nBcc: y"},
        {"user": "mailer"},
        {"authorities": "x"},
    ],
)
def test_settings_that_cannot_be_used(change):
    good = SmtpSettings(host="mail.example.org", port=587, sender="no-reply@example.org")
    good.check(secret_given=False)
    with pytest.raises(Refused):
        replace(good, **change).check(secret_given=False)
    with pytest.raises(Refused):
        good.check(secret_given=True)


def test_mail_goes_its_way_from_the_outbox(office):
    with mail_server() as server:
        settings = SmtpSettings(
            host="127.0.0.1", port=server.port, sender="no-reply@example.org", security=Security.NONE
        )
        office.add(SetUp(name="mail", settings=settings))
        delivery = office.mail(subject="Hello", text="World")
        assert office.step("mail").error == ""
    assert server.mails[0]["Subject"] == "Hello"
    assert office.delivery(delivery).reference == f"{delivery}@example.org"
