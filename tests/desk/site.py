"""An application's web server with metadata, and short ways to the desk that watches it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from idp.core.model import Actor
from idp.partners.saml import saml_settings
from idp.signedxml import sign
from tests.net.servers import Served, says, serving
from tests.saml.sp import POST, Sp

OWNER = Actor(kind="person", id="i-owner", roles=("owner",))
ENTITY = "https://sp.example/metadata"
KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]
SIGNER = Sp(KEYS[2])


@dataclass
class Site:
    """An application's web server, with its metadata at one address."""

    data: bytes = b""
    etag: str = ""
    status: str = "200 OK"
    headers: str = "Content-Type: application/samlmetadata+xml\r\n"
    served: Served = field(default_factory=lambda: Served(port=0))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.served.port}/metadata"

    @property
    def looks(self) -> int:
        return len(self.served.requests)

    def answer(self, connection: socket.socket, request: bytes) -> None:
        tag = f'ETag: "{self.etag}"\r\n' if self.etag else ""
        if self.etag and f'If-None-Match: "{self.etag}"\r\n'.encode() in request:
            says(status="304 Not Modified", headers=tag)(connection, request)
        else:
            says(self.data, status=self.status, headers=self.headers + tag)(connection, request)


@contextmanager
def served() -> Iterator[Site]:
    """Give a running site with metadata of one key."""
    site = Site(data=metadata())
    with serving(site.answer) as running:
        site.served = running
        yield site


def metadata(*keys: rsa.RSAPrivateKey, **fields: object) -> bytes:
    """Return an application's metadata with these signing keys, the first of all when none."""
    first, *others = keys or KEYS[:1]
    more = b"".join(_descriptor(Sp(key).metadata()) for key in others)
    return Sp(first, **fields).metadata().replace(b"<md:SingleLogout", more + b"<md:SingleLogout")  # type: ignore[arg-type]


def _descriptor(text: bytes) -> bytes:
    start, end = text.index(b"<md:KeyDescriptor"), text.index(b"</md:KeyDescriptor>")
    return text[start:end] + b"</md:KeyDescriptor>"


def moved(to: str) -> bytes:
    return metadata(acs=((0, to, POST),))


def signed(data: bytes, **attributes: str) -> bytes:
    root = etree.fromstring(data)
    root.set("ID", "_signed")
    for name, value in attributes.items():
        root.set(name, value)
    sign(root, signer=SIGNER.signer, alg="RS256")
    return etree.tostring(root)


def watch(desk, site, **asked):
    published = desk.sources.fetch(site.address, actor=OWNER)
    return desk.sources.watch(site.address, published, actor=OWNER, **asked).partner


def refresh(desk, which=ENTITY):
    return desk.sources.refresh(which, actor=OWNER)


def trusted(desk):
    return saml_settings(desk.partners.show(ENTITY, actor=OWNER))


def source(desk):
    return desk.sources.show(ENTITY, actor=OWNER)


def events(desk) -> list[str]:
    return [json.loads(line)["event"] for line in desk.log]
