"""Encrypt an element in place for one reader (XML Encryption 1.1).

Modes that tell when they were tampered with, and OAEP: without those whoever can have messages
refused can read them (Bleichenbacher 1998, Jager and Somorovsky 2011). CBC only where an
administrator named the partner and a date. Nothing encrypted is read: no key is published for it.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from idp.signedxml.algorithms import SHA256
from idp.signedxml.names import DS

XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"

AES_256_GCM: Final = f"{XENC11}aes256-gcm"
AES_256_CBC: Final = f"{XENC}aes256-cbc"
RSA_OAEP_MGF1P: Final = f"{XENC}rsa-oaep-mgf1p"
RSA_OAEP: Final = f"{XENC11}rsa-oaep"
SHA1: Final = f"{DS}sha1"
MGF1_SHA1: Final = f"{XENC11}mgf1sha1"

GCM: Final[Mapping[str, int]] = MappingProxyType(
    {AES_256_GCM: 32, f"{XENC11}aes192-gcm": 24, f"{XENC11}aes128-gcm": 16}
)
"""What content is encrypted with, the best first, and the key's length in bytes."""
CBC: Final[Mapping[str, int]] = MappingProxyType(
    {AES_256_CBC: 32, f"{XENC}aes192-cbc": 24, f"{XENC}aes128-cbc": 16}
)
"""The same without a check against changes: for partners that can do nothing better."""
_KEY_BYTES: Final[Mapping[str, int]] = MappingProxyType({**GCM, **CBC})

_Hash = hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512
# Inside OAEP nothing depends on collisions: SHA-1 is no weakness here, and what everybody reads.
DIGESTS: Final[Mapping[str, _Hash]] = MappingProxyType(
    {
        SHA1: hashes.SHA1(),  # noqa: S303 - see above
        SHA256: hashes.SHA256(),
        "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384(),
        f"{XENC}sha512": hashes.SHA512(),
    }
)
MASKS: Final[Mapping[str, _Hash]] = MappingProxyType(
    {
        MGF1_SHA1: hashes.SHA1(),  # noqa: S303 - see above
        f"{XENC11}mgf1sha256": hashes.SHA256(),
        f"{XENC11}mgf1sha384": hashes.SHA384(),
        f"{XENC11}mgf1sha512": hashes.SHA512(),
    }
)

_IV_BYTES, _BLOCK_BYTES = 12, 16
_ELEMENT = f"{XENC}Element"
_PREFIXES = {"xenc": XENC, "ds": DS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """For whom: a certificate (PEM, RSA) and the algorithms its owner reads, by URI.

    digest and mask belong to OAEP; RSA_OAEP_MGF1P always masks with SHA-1.
    """

    certificate: str
    content: str = AES_256_GCM
    transport: str = RSA_OAEP_MGF1P
    digest: str = SHA1
    mask: str = MGF1_SHA1


def encrypt(element: etree._Element, *, wrapper: str, to: Recipient) -> None:
    """Put wrapper ("{namespace}name") with the encrypted element in the element's place.

    A fresh key for each message; what is signed inside must be signed before, what is around it
    after. Raises ValueError when the certificate holds no RSA key.
    """
    plain = etree.tostring(element, with_tail=False)
    parent, key = element.getparent(), secrets.token_bytes(_KEY_BYTES[to.content])
    if parent is None:
        raise ValueError("the root of a document can't be replaced")
    wrapped = etree.Element(wrapper)
    data = _add(wrapped, XENC, "EncryptedData", Type=_ELEMENT)
    _add(data, XENC, "EncryptionMethod", Algorithm=to.content)
    info = _add(data, DS, "KeyInfo")
    _write_key(_add(info, XENC, "EncryptedKey"), key, to)
    _write_value(data, _encrypted(plain, key, to.content))
    parent.replace(element, wrapped)


@lru_cache(maxsize=512)
def fits(to: Recipient) -> bool:
    """Say whether the certificate's key can wrap a key: neither too short (RFC 8017 7.1.1) nor too large."""
    try:
        _wrapped(bytes(_KEY_BYTES[to.content]), to)
    except ValueError:
        return False
    return True


def oaep(*, digest: str, mask: str) -> padding.OAEP:
    """Return the OAEP of RFC 8017 with digest and mask by URI (XML Encryption 1.1 5.5.2)."""
    return padding.OAEP(mgf=padding.MGF1(MASKS[mask]), algorithm=DIGESTS[digest], label=None)


def _encrypted(plain: bytes, key: bytes, content: str) -> bytes:
    if content in GCM:
        iv = secrets.token_bytes(_IV_BYTES)
        return iv + AESGCM(key).encrypt(iv, plain, None)
    iv = secrets.token_bytes(_BLOCK_BYTES)
    fill = _BLOCK_BYTES - len(plain) % _BLOCK_BYTES
    # XML Encryption 1.1 section 5.2: any bytes, the last of them their number.
    padded = plain + secrets.token_bytes(fill - 1) + bytes([fill])
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(padded) + encryptor.finalize()


def _write_key(element: etree._Element, key: bytes, to: Recipient) -> None:
    method = _add(element, XENC, "EncryptionMethod", Algorithm=to.transport)
    _add(method, DS, "DigestMethod", Algorithm=to.digest)
    if to.transport == RSA_OAEP:
        _add(method, XENC11, "MGF", Algorithm=to.mask)
    _write_value(element, _wrapped(key, to))


def _wrapped(key: bytes, to: Recipient) -> bytes:
    mask = to.mask if to.transport == RSA_OAEP else MGF1_SHA1
    return _public_key(to.certificate).encrypt(key, oaep(digest=to.digest, mask=mask))


@lru_cache(maxsize=512)
def _public_key(certificate: str) -> rsa.RSAPublicKey:
    public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise ValueError("keys are wrapped with RSA only")  # noqa: TRY004 - a wrong value, not a wrong call
    return public


def _write_value(parent: etree._Element, value: bytes) -> None:
    cipher = _add(parent, XENC, "CipherData")
    _add(cipher, XENC, "CipherValue").text = base64.b64encode(value).decode()


def _add(parent: etree._Element, namespace: str, name: str, **attributes: str) -> etree._Element:
    prefixes = _PREFIXES | {"xenc11": XENC11} if namespace == XENC11 else _PREFIXES
    return etree.SubElement(parent, f"{{{namespace}}}{name}", attributes, nsmap=prefixes)
