"""Decrypt an answer as its application does, by the algorithms that the answer names.

The service itself reads nothing encrypted: it publishes no key to encrypt with.
"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from idp.signedxml import parse_message
from idp.signedxml.encrypt import GCM, MGF1_SHA1, XENC, XENC11, oaep
from idp.signedxml.names import DS

_NAMES = {"e": XENC, "e11": XENC11, "ds": DS}


def decrypted(wrapped: etree._Element, key: rsa.RSAPrivateKey) -> etree._Element:
    """Return the element in an EncryptedAssertion as a document of its own. Raises InvalidTag."""
    digest = _first(wrapped, ".//e:EncryptedKey/e:EncryptionMethod/ds:DigestMethod/@Algorithm")
    mask = wrapped.xpath("string(.//e:EncryptedKey/e:EncryptionMethod/e11:MGF/@Algorithm)", namespaces=_NAMES)
    secret = key.decrypt(
        base64.b64decode(_first(wrapped, ".//e:EncryptedKey//e:CipherValue/text()")),
        oaep(digest=digest, mask=str(mask) or MGF1_SHA1),
    )
    assert len(secret) == GCM[_first(wrapped, "e:EncryptedData/e:EncryptionMethod/@Algorithm")]
    data = base64.b64decode(_first(wrapped, "e:EncryptedData/e:CipherData/e:CipherValue/text()"))
    return parse_message(AESGCM(secret).decrypt(data[:12], data[12:], None))


def _first(element: etree._Element, path: str) -> str:
    (found,) = element.xpath(path, namespaces=_NAMES)
    return str(found)
