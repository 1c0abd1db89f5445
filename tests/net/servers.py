"""Small servers that answer as they are told to, byte by byte, plainly or over TLS."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Talk = Callable[[socket.socket, bytes], None]


@dataclass
class Served:
    """A running server, and every request that came."""

    port: int
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def serving(talk: Talk, *, context: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Serve on a free port of 127.0.0.1; talk gets each connection and its request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Served(port=listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, talk, context, served), daemon=True)
        thread.start()
        yield served
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(listener: socket.socket, talk: Talk, context: ssl.SSLContext | None, served: Served) -> None:
    while True:
        try:
            accepted, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), accepted:
            connection = accepted if context is None else context.wrap_socket(accepted, server_side=True)
            with connection:
                request = _request(connection)
                served.requests.append(request)
                talk(connection, request)


def _request(connection: socket.socket) -> bytes:
    read = b""
    while not (head := re.match(rb"(?s).*?\r\n\r\n", read)):
        if not (more := connection.recv(4096)):
            return read
        read += more
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head[0])
    whole = len(head[0]) + (int(length[1]) if length else 0)
    while len(read) < whole and (more := connection.recv(4096)):
        read += more
    return read


def says(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> Talk:
    """Answer always the same."""

    def talk(connection: socket.socket, _request: bytes) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        connection.sendall(head.encode() + body)

    return talk


# Certificates ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Authority:
    """A private certificate authority, as a file that can be trusted."""

    file: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def context(self, *names: str) -> ssl.SSLContext:
        """Return a server's context with a certificate for the names."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(names, key, self.certificate.subject, self.key)
        file = self.file.parent / f"{names[0]}.pem"
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@cache
def authority() -> Authority:
    """Return the authority of this test run."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate((), key, _name("Private CA"), key)
    file = Path(mkdtemp(prefix="authority")) / "ca.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return Authority(file, certificate, key)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    names: tuple[str, ...],
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(names[0]) if names else issuer)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_alternative, names))), False)
    return builder.sign(signer, hashes.SHA256())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
