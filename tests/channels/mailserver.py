"""A real SMTP server (aiosmtpd) that keeps what it is given, and refuses what it is told to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = b"pa55word-of-mail"


@dataclass
class MailServer:
    """What was taken, and who logged in."""

    replies: dict[str, str] = field(default_factory=dict)
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[Any] = field(default_factory=list)

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802 (aiosmtpd's)
        if "rcpt" in self.replies:
            return self.replies["rcpt"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's)
        if "data" in self.replies:
            return self.replies["data"]
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(parsed)
        self.envelopes.append(envelope)
        return "250 2.0.0 queued as 1"

    def login(self, _server, _session, _envelope, _mechanism, given: LoginPassword) -> AuthResult:
        self.logins.append(given)
        return AuthResult(success=given.password == PASSWORD, handled=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def mail_server(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, **replies: str
) -> Iterator[MailServer]:
    """Serve on a free port of 127.0.0.1."""
    server = MailServer(replies=replies)
    secured = starttls is not None or tls is not None
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=_free_port(),
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        authenticator=server.login if secured else None,
        auth_require_tls=tls is None,
    )
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()
