"""Open metadata as it was published: well-formed, signed by whom, valid until when, one entity of it.

Nothing is read from a document but the entity that comes out of here, which is part of what the
signature covers when one was expected.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from idp.core.errors import BadMessage, Refused
from idp.signedxml import parse_aggregate, parse_document, verify

LIMIT = 2 * 1024 * 1024  # bytes; one entity with several certificates is about 10 KB
LARGEST_AGGREGATE = 32 * 1024 * 1024  # bytes; some 4,000 entities

MD = "urn:oasis:names:tc:SAML:2.0:metadata"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_ENTITY = f"{{{MD}}}EntityDescriptor"
_ENTITIES = f"{{{MD}}}EntitiesDescriptor"
_CERTIFICATE = f"{{{_DS}}}Signature/{{{_DS}}}KeyInfo/{{{_DS}}}X509Data/{{{_DS}}}X509Certificate"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
# xs:duration; the longer units have no fixed length, so they are taken as they are meant.
_DURATION = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})(?:\.\d*)?S)?)?"
)
_UNITS = (365 * 86400, 30 * 86400, 86400, 3600, 60, 1)


class Signature(StrEnum):
    """What there is to say about a document's signature."""

    NONE = "none"
    UNCHECKED = "unchecked"
    VERIFIED = "verified"


class SeveralEntities(Refused):
    """The document describes several service providers, and nobody said which one is meant."""

    def __init__(self, entities: tuple[str, ...]) -> None:
        super().__init__("This metadata describes several applications: say which one you mean.")
        self.entities = entities


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One entity's metadata, and what was said around it.

    valid_until is the earliest that the entity or a group around it names; cache_for is how long
    the publisher wants it to be kept.
    """

    entity: etree._Element
    signature: Signature
    valid_until: datetime | None = None
    cache_for: timedelta | None = None

    @property
    def data(self) -> bytes:
        """Return the entity alone, to be opened again later."""
        return etree.tostring(self.entity, with_tail=False, encoding="UTF-8")


def open_document(
    data: bytes, *, now: datetime, entity_id: str = "", signer: str = "", limit: int = LARGEST_AGGREGATE
) -> Document:
    """Open a document and choose an entity, the only service provider if entity_id is "".

    signer is the SHA-256 fingerprint (hex) of the certificate that must have signed the whole
    document. Raises Refused when it is no metadata, is not signed so, has expired, or does not
    hold the entity once; SeveralEntities when the choice is open.
    """
    root = _parsed(data, limit)
    carried = next(root.iter(f"{{{_DS}}}SignedInfo"), None) is not None
    if signer:
        root = _verified(root, signer)
    entity = _chosen(root, entity_id)
    around = [entity, *entity.iterancestors()]
    until = [end for element in around if (end := expiry(element, now=now)) is not None]
    cache = [span for element in around if (span := _duration(element)) is not None]
    return Document(
        entity=entity,
        signature=Signature.VERIFIED if signer else Signature.UNCHECKED if carried else Signature.NONE,
        valid_until=min(until, default=None),
        cache_for=min(cache, default=None),
    )


def check_fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint as 64 small hex digits; colons and spaces may come along.

    Raises Refused.
    """
    plain = re.sub(r"[:\s]", "", text).lower()
    if not _FINGERPRINT.fullmatch(plain):
        raise Refused("A fingerprint is the SHA-256 of a certificate: 64 hexadecimal digits.")
    return plain


def expiry(element: etree._Element, *, now: datetime) -> datetime | None:
    """Return until when an element is valid, None when it does not say. Raises Refused when it was."""
    text = element.get("validUntil")
    if text is None:
        return None
    try:
        until = datetime.fromisoformat(text.strip())
        until = until.astimezone(UTC) if until.tzinfo else until.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("The metadata says in no readable way until when it is valid.") from error
    if until <= now:
        raise Refused("This metadata has expired (validUntil).")
    return until


def _parsed(data: bytes, limit: int) -> etree._Element:
    try:
        if len(data) <= LIMIT:
            return parse_document(data, limit=min(limit, LIMIT))
        return parse_aggregate(data, limit=limit)
    except BadMessage as error:
        raise Refused("This is not well-formed SAML metadata.", detail=error.detail) from error


# Signature --------------------------------------------------------------------------------------
def _verified(root: etree._Element, signer: str) -> etree._Element:
    """Return the tree that the certificate with this fingerprint has signed."""
    # The fingerprint names one certificate, so it may come from anywhere, the document itself too.
    certificates = [pem for der, pem in _carried(root) if hashlib.sha256(der).hexdigest() == signer]
    if not certificates:
        raise Refused("The metadata is not signed with the certificate that was expected.")
    try:
        return verify(root, tag=str(root.tag), certificates=certificates)
    except BadMessage as error:
        raise Refused("The signature of the metadata could not be verified.", detail=error.detail) from error


def _carried(root: etree._Element) -> Iterator[tuple[bytes, str]]:
    for element in root.findall(_CERTIFICATE):
        try:
            der = base64.b64decode("".join((element.text or "").split()), validate=True)
            pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
        except (ValueError, binascii.Error, x509.InvalidVersion):
            continue
        yield der, pem


# Which entity -----------------------------------------------------------------------------------
def _chosen(root: etree._Element, entity_id: str) -> etree._Element:
    if root.tag not in (_ENTITY, _ENTITIES):
        raise Refused("This is XML, but not SAML metadata.")
    entities = list(root.iter(_ENTITY))
    if entity_id:
        return _named(entities, entity_id)
    if len(entities) == 1:
        return entities[0]
    providers = [each for each in entities if each.find(f"{{{MD}}}SPSSODescriptor") is not None]
    if len(providers) == 1:
        return providers[0]
    if not providers:
        raise Refused("The metadata describes no SAML 2.0 service provider (SPSSODescriptor).")
    raise SeveralEntities(tuple(each.get("entityID", "").strip() for each in providers))


def _named(entities: list[etree._Element], entity_id: str) -> etree._Element:
    found = [each for each in entities if each.get("entityID", "").strip() == entity_id]
    if not found:
        raise Refused("The metadata does not describe that application (entity id).")
    if len(found) > 1:
        # Which of the two is meant is for its publisher to say.
        raise Refused("The metadata describes that application (entity id) twice.")
    return found[0]


def _duration(element: etree._Element) -> timedelta | None:
    found = _DURATION.fullmatch(element.get("cacheDuration", "").strip())
    if found is None:
        return None
    seconds = sum(int(count or 0) * unit for count, unit in zip(found.groups(), _UNITS, strict=True))
    return timedelta(seconds=seconds)
