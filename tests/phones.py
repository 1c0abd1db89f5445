"""A phone in software: signs calls as the phone app does, and shows its codes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from idp.factors.codes import hotp

TYP = "countersign-phone+jwt"


@dataclass
class SoftPhone:
    """One phone with one account. Whatever a hostile one could say differently is a field."""

    post: Callable[[str, bytes], tuple[int, dict[str, Any]]]
    now: Callable[[], datetime]
    origin: str
    id: str = ""
    seed: bytes = b""
    typ: str = TYP
    alg: str = "ES256"
    audience: str = ""
    slow: int = 0  # seconds that its clock is behind
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        x, y = (encoded(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    @property
    def public(self) -> str:
        return f"{self.jwk['x']}.{self.jwk['y']}"

    def connect(self, code: str, label: str = "Pixel") -> dict[str, Any]:
        """Come with a code; keep what is told."""
        status, said = self.send("connect", {"code": code, "label": label}, {"jwk": self.jwk})
        if status == 200:
            self.id = said["id"]
            padded = said["seed"] + "=" * (-len(said["seed"]) % 8)
            self.seed = base64.b32decode(padded)
        return said | {"status": status}

    def look(self) -> dict[str, Any] | None:
        """Return what is asked."""
        status, said = self.send("look", {})
        assert status == 200, said
        question: dict[str, Any] | None = said["question"]
        return question

    def answer(self, request: str, said: str, number: str = "") -> str:
        """Return what an answer was counted as."""
        status, told = self.send("answer", {"request": request, "answer": said, "number": number})
        assert status == 200, told
        return str(told["counted"])

    def approve(self, number: str) -> str:
        """Type a number for whatever is asked."""
        question = self.look()
        assert question is not None, "nothing is asked"
        return self.answer(question["id"], "approved", number)

    def say(self, said: str) -> str:
        """Say no, or more, to whatever is asked."""
        question = self.look()
        assert question is not None, "nothing is asked"
        return self.answer(question["id"], said)

    def code(self) -> str:
        """Return the code of this moment."""
        return hotp(self.seed, int(self.now().timestamp()) // 30, digits=6, algorithm="sha1")

    def send(
        self, act: str, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Make a call, signed."""
        return self.post(f"/authenticator/calls/{act}", self.signed(act, claims, header))

    def signed(self, act: str, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> bytes:
        """Return a call as it is sent."""
        head = {"alg": self.alg, "typ": self.typ, **({"kid": self.id} if header is None else header)}
        said = {
            "aud": self.audience or f"{self.origin}/authenticator/calls/{act}",
            "iat": int(self.now().timestamp()) - self.slow,
            **claims,
        }
        signing_input = ".".join(encoded(json.dumps(part).encode()) for part in (head, said)).encode()
        return signing_input + b"." + encoded(self.sign(signing_input)).encode()

    def sign(self, data: bytes) -> bytes:
        """Return r || s (RFC 7518 section 3.4)."""
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
