"""What may be taken: a plain reading of our own of what passkeys, phones and carriers send."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.fuzz.carrier import SECRET
from tests.fuzz.holders import KEY, PHONE_KEY, SITE
from tests.oidc.house import BASE
from tests.phones import TYP

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40
_SKEW = 120  # seconds
_ECDSA = ec.ECDSA(hashes.SHA256())
About = Mapping[str, Any]


def right(judge: Callable[[], bool]) -> bool:
    """Judge; what can't be read is not right."""
    try:
        return judge()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, InvalidSignature):
        return False


# Passkeys (WebAuthn 3, 7.1 and 7.2) ---------------------------------------------------------------
def shown(text: str, about: About) -> bool:
    """Say whether the passkey signed what was asked, at our page, by whom it is of."""
    said = json.loads(text)
    response = said["response"]
    client, data = _decoded(response["clientDataJSON"]), _decoded(response["authenticatorData"])
    # Raises InvalidSignature.
    KEY.private.public_key().verify(
        _decoded(response["signature"]), data + hashlib.sha256(client).digest(), _ECDSA
    )
    mine = _decoded(said["id"]) == KEY.id and _decoded(response["userHandle"]) == about["handle"].encode()
    return mine and _client(client, "webauthn.get", about) and _data(data, _PRESENT | _VERIFIED)


def made(text: str, about: About) -> bool:
    """Say whether a new passkey was made for what was asked, at our page, and can be used."""
    said = json.loads(text)
    whole = cbor2.loads(_decoded(said["response"]["attestationObject"]))
    data = whole["authData"]
    length = int.from_bytes(data[53:55], "big")
    key = cbor2.loads(data[55 + length :])
    # Its id is the one that its data has; what stands beside it says nothing.
    usable = key[3] in (-8, -7, -257) and length > 0
    client = _decoded(said["response"]["clientDataJSON"])
    return usable and _client(client, "webauthn.create", about) and _data(data, _PRESENT | _ATTESTED)


def _client(data: bytes, kind: str, about: About) -> bool:
    said, asked = json.loads(data), json.loads(about["options"])["challenge"]
    framed = said.get("crossOrigin", False)
    fits = said["type"] == kind and said["origin"] == BASE and framed is False
    return fits and _decoded(said["challenge"]) == _decoded(asked)


def _data(data: bytes, flags: int) -> bool:
    return data[:32] == hashlib.sha256(SITE.name.encode()).digest() and data[32] & flags == flags


def _decoded(text: str) -> bytes:
    # As forgiving as readers may be: what is signed lies inside.
    return urlsafe_b64decode(text + "===")


# The phone app (RFC 7515) -------------------------------------------------------------------------
def approved(body: bytes, path: str, about: About) -> bool:
    """Say whether this phone said yes to this sign-in, with its number, just now."""
    head, said = _signed(body)
    wanted = {"request": about["request"], "answer": "approved", "number": about["number"]}
    known = head["kid"] == about["phone"] and all(said[name] == value for name, value in wanted.items())
    return known and _called(head, said, path, about)


def connected(body: bytes, path: str, about: About) -> bool:
    """Say whether a phone came with the code of the page and with the key that it signed by."""
    head, said = _signed(body)
    code = "".join(letter for letter in said["code"].upper() if letter.isascii() and letter.isalnum())
    return code == about["code"].replace("-", "") and _called(head, said, path, about)


def _signed(body: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return header and claims of what the phone's key signed. Raises InvalidSignature."""
    text = body.decode()
    head, said, signature = text.split(".")
    raw = _decoded(signature)
    r, s = (int.from_bytes(part, "big") for part in (raw[:32], raw[32:64]))
    PHONE_KEY.public_key().verify(encode_dss_signature(r, s), f"{head}.{said}".encode(), _ECDSA)
    return json.loads(_decoded(head)), json.loads(_decoded(said))


def _called(head: Mapping[str, Any], said: Mapping[str, Any], path: str, about: About) -> bool:
    near = bool(abs(said["iat"] - about["now"].timestamp()) <= _SKEW)
    return head["alg"] == "ES256" and head["typ"] == TYP and said["aud"] == BASE + path and near


# Calls --------------------------------------------------------------------------------------------
def pressed(body: bytes, signature: str, path: str) -> bool:
    """Say whether the carrier says that somebody, and no machine, pressed the right key."""
    said = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signed = BASE.encode() + path.encode() + "".join(name + said[name] for name in sorted(said)).encode()
    with_port = signed.replace(BASE.encode(), f"{BASE}:443".encode(), 1)
    made_by_it = any(
        hmac.compare_digest(signature, b64encode(hmac.digest(SECRET.encode(), data, "sha1")).decode())
        for data in (signed, with_port)
    )
    machine = said.get("AnsweredBy", "").startswith(("machine", "fax"))
    return made_by_it and said["Digits"] == "#" and not machine
