"""The two ceremonies of WebAuthn: what the browser is asked for, and whether its answer is true."""

from __future__ import annotations

import json
import struct
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_bytes

import webauthn
from cbor2 import CBORError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticationCredential, CredentialDeviceType

from idp.core.errors import Refused
from idp.core.model import Method, Person
from idp.factors.passkey import cbor
from idp.factors.passkey.settings import Site

WRONG = (
    "That passkey was not accepted. Try again, or use another way to sign in. "
    "After several wrong tries, sign-in by passkey pauses for 15 minutes."
)
_CHALLENGE = 32  # bytes; at least 16 (WebAuthn 3, 13.4.3)
_PATIENCE = 300_000  # milliseconds that the browser waits: people look for their keys
_LONGEST = 64 * 1024  # characters of an answer; the longest statements of attestation are a few thousand
# In the order in which they are wanted: Ed25519, P-256, RSA.
_ALGORITHMS = (
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
# What reading somebody's bytes may end in, in the library and below it.
_UNREADABLE = (
    WebAuthnException,
    CBORError,
    UnsupportedAlgorithm,
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new passkey: its public key (COSE), its count, and what is worth knowing of it."""

    key: bytes
    count: int
    verified: bool
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A passkey that was shown: its count, whether it asked who holds it, on one device or several."""

    count: int
    verified: bool
    device: str


# What the browser is asked for -----------------------------------------------------------------
def creation(site: Site, *, service: str, person: Person, known: Iterable[Method]) -> str:
    """Return the options to make a passkey, JSON (WebAuthn 3, 5.4)."""
    return json.dumps(
        {
            "rp": {"id": site.name, "name": service},
            "user": {
                # Opaque: it is kept on the device, readable without asking who holds it.
                "id": _encoded(person.id.encode()),
                "name": person.name,
                "displayName": person.display_name or person.name,
            },
            "challenge": _encoded(token_bytes(_CHALLENGE)),
            "pubKeyCredParams": [{"type": "public-key", "alg": int(alg)} for alg in _ALGORITHMS],
            "timeout": _PATIENCE,
            "excludeCredentials": _listed(known),
            # Keys without room or without a PIN are welcome as a second factor.
            "authenticatorSelection": {"residentKey": "preferred", "userVerification": "preferred"},
            "attestation": "none",
            "extensions": {"credProps": True},
        }
    )


def request(site: Site, *, known: Iterable[Method], verify: bool) -> str:
    """Return the options to ask for a passkey, JSON (WebAuthn 3, 5.5); known none: for any.

    verify: it must ask who holds it.
    """
    return json.dumps(
        {
            "challenge": _encoded(token_bytes(_CHALLENGE)),
            "rpId": site.name,
            "timeout": _PATIENCE,
            "allowCredentials": _listed(known),
            "userVerification": "required" if verify else "preferred",
        }
    )


def _listed(methods: Iterable[Method]) -> list[Mapping[str, object]]:
    return [
        {
            "type": "public-key",
            "id": method.data["credential"],
            "transports": [one for one in method.data["transports"].split(",") if one],
        }
        for method in methods
    ]


# What it answered -----------------------------------------------------------------------------
def made(text: str, *, options: str, site: Site) -> Made:
    """Return the passkey in an answer to `creation`. Raises Refused when anything about it is not right."""
    with _readable(text):
        credential = parse_registration_credential_json(text)
        credential.response.attestation_object, fmt = cbor.without_statement(
            credential.response.attestation_object
        )
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=_challenge(options),
            expected_rp_id=site.name,
            expected_origin=list(site.origins),
            supported_pub_key_algs=list(_ALGORITHMS),
        )
        _check_client(credential.response.client_data_json)
        _check_key(verified.credential_public_key)
    transports = (transport.value for transport in credential.response.transports or [])
    return Made(
        key=verified.credential_public_key,
        count=verified.sign_count,
        verified=verified.user_verified,
        data={
            "credential": _encoded(verified.credential_id),
            "name": site.name,
            "transports": ",".join(transports),
            "aaguid": verified.aaguid,
            "attestation": fmt,
            "device": _device(verified.credential_device_type),
        },
    )


def read(text: str) -> AuthenticationCredential:
    """Return the answer to `request`, not yet checked. Raises Refused."""
    with _readable(text):
        return parse_authentication_credential_json(text)


def whose(credential: AuthenticationCredential) -> str:
    """Return the id of the person that the passkey says it is of, "" when it says none."""
    handle = (credential.response.user_handle or b"").decode(errors="replace")
    return handle if handle.isprintable() else ""


def shown(credential: AuthenticationCredential, *, key: bytes, options: str, site: Site) -> Shown:
    """Check an answer to `request` with the passkey's public key. Raises Refused.

    Its count is not compared: what becomes of copies is a matter of policy.
    """
    with _readable(""):
        cbor.check_asserted(credential.response.authenticator_data)
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=_challenge(options),
            expected_rp_id=site.name,
            expected_origin=list(site.origins),
            credential_public_key=key,
            credential_current_sign_count=0,
            require_user_verification=json.loads(options)["userVerification"] == "required",
        )
        _check_client(credential.response.client_data_json)
    return Shown(
        count=verified.new_sign_count,
        verified=verified.user_verified,
        device=_device(verified.credential_device_type),
    )


def claimed(text: str) -> str:
    """Return whose passkey an answer says that it shows, as `whose` does, whatever it is; "" for nothing.

    For counting tries alone: nothing about it is checked.
    """
    try:
        return whose(read(text))
    except Refused:
        return ""


@contextmanager
def _readable(text: str) -> Iterator[None]:
    if len(text) > _LONGEST:
        raise Refused(WRONG, detail="too long")
    try:
        yield
    except _UNREADABLE as error:
        raise Refused(WRONG, detail=f"{type(error).__name__}: {error}"[:200]) from error


def _check_client(data: bytes) -> None:
    """Raise ValueError when the page was in somebody else's frame (WebAuthn 3, 5.8.1)."""
    if json.loads(data).get("crossOrigin", False) is not False:
        raise ValueError("from another site's frame")


def _check_key(key: bytes) -> None:
    """Raise when a public key can't be used, or is too short to trust."""
    public = decoded_public_key_to_cryptography(decode_credential_public_key(key))
    if isinstance(public, RSAPublicKey) and (public.key_size < 2048 or public.public_numbers().e < 3):
        raise ValueError("a short key")


def _device(kind: CredentialDeviceType) -> str:
    return "one" if kind is CredentialDeviceType.SINGLE_DEVICE else "several"


def _challenge(options: str) -> bytes:
    return webauthn.base64url_to_bytes(json.loads(options)["challenge"])


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
