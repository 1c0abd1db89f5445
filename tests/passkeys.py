"""A passkey in software: makes credentials and signs challenges as a browser hands them on (WebAuthn 3)."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ORIGIN = "https://login.example.org"
_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP, _ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
AAGUID = bytes.fromhex("ea9b8d664d011d213ce4b6b48cb575d4")


@dataclass
class SoftKey:
    """One credential. Whatever a hostile browser or authenticator could say differently is a field."""

    origin: str = ORIGIN
    verifies: bool = True
    present: bool = True
    synced: bool = False
    counts: bool = True
    count: int = 0
    rp: str = ""  # for whom it signs, when not for whom it was asked
    type: str = ""  # of the ceremony, when not what it is
    challenge: str = ""
    handle: bytes = b""
    id: bytes = field(default_factory=lambda: token_bytes(32))
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, options: str, **changes: object) -> str:
        """Return the browser's answer to the options of a creation."""
        asked = json.loads(options)
        self.handle = decoded(asked["user"]["id"])
        self.rp = self.rp or asked["rp"]["id"]
        data = self._data(_ATTESTED) + AAGUID + len(self.id).to_bytes(2, "big") + self.id + self._cose()
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": encoded(self._client("webauthn.create", asked["challenge"])),
            "attestationObject": encoded(statement),
            "transports": ["internal", "hybrid"],
        }
        return self._said(response, changes)

    def show(self, options: str, **changes: object) -> str:
        """Return the browser's answer to the options of a request."""
        asked = json.loads(options)
        self.rp = self.rp or asked["rpId"]
        self.count += self.counts
        client, data = self._client("webauthn.get", asked["challenge"]), self._data(0)
        signed = data + hashlib.sha256(client).digest()
        response = {
            "clientDataJSON": encoded(client),
            "authenticatorData": encoded(data),
            "signature": encoded(self.private.sign(signed, ec.ECDSA(hashes.SHA256()))),
        }
        if self.handle:
            response["userHandle"] = encoded(self.handle)
        return self._said(response, changes)

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {
            "type": self.type or kind,
            "challenge": self.challenge or challenge,
            "origin": self.origin,
            "crossOrigin": False,
        }
        return json.dumps(said).encode()

    def _data(self, more: int) -> bytes:
        flags = more | self.present * _PRESENT | self.verifies * _VERIFIED
        flags |= self.synced * (_ELIGIBLE | _BACKED_UP)
        return hashlib.sha256(self.rp.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _cose(self) -> bytes:
        numbers = self.private.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _said(self, response: Mapping[str, object], changes: Mapping[str, object]) -> str:
        said: dict[str, Any] = {
            "id": encoded(self.id),
            "rawId": encoded(self.id),
            "type": "public-key",
            "response": dict(response),
            "clientExtensionResults": {},
        }
        for name, value in changes.items():
            (said if name in said else said["response"])[name] = value
        return json.dumps(said)


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
