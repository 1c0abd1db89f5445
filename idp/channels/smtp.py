"""SMTP: hand mail to a server of the operator's, encrypted unless it is on this machine."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from enum import StrEnum
from functools import cached_property
from typing import cast

from idp.channels.asking import check_authorities, is_here
from idp.core.errors import Refused
from idp.core.ports import Callback, Handover, Parcel, Receipt, Taken
from idp.net import Blocked, Reach
from idp.net.reach import Place
from idp.net.wire import Deadline, Line, connect, resolve

_SECONDS = 20  # for all of it
_OUR_ACCOUNT = frozenset({530, 534, 535, 538})
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}")
# RFC 5321's dot-string and a host name: one line, no quotes, no comments.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


class Security(StrEnum):
    """How the way to the server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"  # on this machine only


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """A server, and what mail says it is from. user: log in, with the secret."""

    host: str
    port: int
    sender: str
    sender_name: str = ""
    security: Security = Security.STARTTLS
    user: str = ""
    authorities: str = ""

    def check(self, *, secret_given: bool) -> None:
        """Raise Refused, saying what to change, when these cannot be used."""
        if not _HOST.fullmatch(self.host) or not 0 < self.port < 65536:
            raise Refused("The server is a host name or address, with a port from 1 to 65535.")
        if not usable(self.sender):
            raise Refused("The sender must be a mail address.")
        if not self.sender_name.isprintable() or len(self.sender_name) > 100:
            raise Refused("The sender's name must be one line of at most 100 characters.")
        if self.security is Security.NONE and not is_here(self.host):
            raise Refused("Mail goes unencrypted only to a server on this very machine.")
        if bool(self.user) is not secret_given or not (self.user.isascii() and self.user.isprintable()):
            raise Refused("To log in, both a user name and the secret are needed.")
        if self.authorities:
            check_authorities(self.authorities)


def usable(address: str) -> bool:
    """Say whether mail can be sent to an address: ASCII, of the plain form (RFC 5321)."""
    return len(address) <= 254 and _ADDRESS.fullmatch(address) is not None


class Smtp:
    """A carrier of mail."""

    kind = "mail"

    def __init__(self, name: str, settings: SmtpSettings, secret: str) -> None:
        self.name = name
        self._settings = settings
        self._secret = secret

    def send(self, parcel: Parcel) -> Handover:
        """Hand the mail over, in at most twenty seconds; its Message-ID is the same each time."""
        if not usable(parcel.to) or not parcel.subject.isprintable():
            return Handover(taken=Taken.NEVER, reason="address")
        message = self._message(parcel)
        body_begun = False
        try:
            with self._connected() as server:
                code, _ = _envelope(server, self._settings.sender, parcel.to)
                if code < 300:
                    body_begun = True
                    code, _ = server.data(message.as_bytes(policy=WIRE))
        except Blocked:
            return Handover(taken=Taken.NEVER, reason="address")
        except smtplib.SMTPResponseException as error:
            return _judged(error.smtp_code)
        except (OSError, UnicodeError, smtplib.SMTPException) as error:
            return Handover(taken=Taken.PERHAPS if body_begun else Taken.NOT_NOW, reason=_cause(error))
        return replace(_judged(code), reference=message["Message-ID"][1:-1])

    def receipt(self, call: Callback) -> Receipt | None:
        """Say nothing: mail has no reports of this kind."""
        return None

    def _message(self, parcel: Parcel) -> EmailMessage:
        settings, message = self._settings, EmailMessage()
        user, _, domain = settings.sender.rpartition("@")
        message["From"] = Address(settings.sender_name, user, domain)
        message["To"] = parcel.to
        message["Subject"] = parcel.subject
        message["Date"] = parcel.at
        message["Message-ID"] = f"<{parcel.key}@{domain}>"
        # RFC 3834: no out-of-office answers to this.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(parcel.text)
        return message

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Give a connection that was greeted, encrypted and logged in as the settings say."""
        settings, deadline = self._settings, Deadline(_SECONDS)
        secure = settings.security is not Security.NONE
        place = Place(secure=secure, host=settings.host, port=settings.port, target="")
        addresses = Reach.operators().admit(place, resolve(place.host, place.port))
        at_once = replace(place, secure=settings.security is Security.TLS)
        server = smtplib.SMTP(local_hostname=settings.sender.rpartition("@")[2])
        with ExitStack() as opened:
            plain = opened.enter_context(closing(connect(at_once, addresses, deadline, self._context)))
            _speak_over(server, Line(plain, deadline))
            _expect(server.getreply())
            if settings.security is Security.STARTTLS:
                _ask_for_encryption(server)
                plain.settimeout(deadline.left())
                wrapped = self._context.wrap_socket(plain, server_hostname=place.host)
                _speak_over(server, Line(opened.enter_context(closing(wrapped)), deadline))
            if settings.user:
                server.login(settings.user, self._secret)
            yield server
            with suppress(OSError, smtplib.SMTPException):  # what was taken stays taken
                server.quit()

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._settings.authorities:
            context.load_verify_locations(cadata=self._settings.authorities)
        return context


def _speak_over(server: smtplib.SMTP, line: Line) -> None:
    # As smtplib's own starttls does: nothing that was said or heard before counts any more.
    server.sock = cast(socket.socket, line)
    server.file = None
    server.helo_resp = server.ehlo_resp = None
    server.esmtp_features = {}
    server.does_esmtp = False


def _ask_for_encryption(server: smtplib.SMTP) -> None:
    server.ehlo_or_helo_if_needed()
    if not server.has_extn("starttls"):
        raise smtplib.SMTPNotSupportedError
    _expect(server.docmd("STARTTLS"))


def _envelope(server: smtplib.SMTP, sender: str, to: str) -> tuple[int, bytes]:
    server.ehlo_or_helo_if_needed()
    _expect(server.mail(sender))
    return server.rcpt(to)


def _expect(answer: tuple[int, bytes]) -> None:
    code, said = answer
    if not 200 <= code < 300:
        raise smtplib.SMTPResponseException(code, said)


def _judged(code: int) -> Handover:
    if 200 <= code < 300:
        return Handover(taken=Taken.YES)
    # RFC 5321 4.2.1: 5 is for good. What is wrong with our account (530, 535) is not the message's fault.
    for_good = code >= 500 and code not in _OUR_ACCOUNT
    return Handover(taken=Taken.NEVER if for_good else Taken.NOT_NOW, reason=f"SMTP {code}")


def _cause(error: Exception) -> str:
    # smtplib calls whatever ends a line a hang-up.
    hung_up = isinstance(error, smtplib.SMTPServerDisconnected)
    match error.__context__ if hung_up else error:
        case ssl.SSLCertVerificationError():
            return "certificate"
        case TimeoutError():
            return "timeout"
        case smtplib.SMTPNotSupportedError():
            return "not supported"
        case _:
            return "unreachable"
