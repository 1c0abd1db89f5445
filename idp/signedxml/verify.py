"""Verify an XML signature and return only what it signed.

Every rule is about wrapping: the element that was verified must be the element that is read.
So the element is chosen by its place, never by its ID; it is cut out into a document of its
own; everything is checked there; and that document, without its signature, is the answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from idp.core.errors import BadMessage
from idp.signedxml.algorithms import SIGNATURES, check_method, digests, fitting
from idp.signedxml.inflate import decode_base64
from idp.signedxml.names import ASSERTION, DS, ENVELOPED, EXCLUSIVE, INCLUSIVE_NAMESPACES, SIGNATURE
from idp.signedxml.parse import MESSAGE_PARSER

# Any of these spellings is an ID to some XML library, so a second one is a trap for one of them.
_SAME_ID = etree.XPath("count(//@*[translate(local-name(), 'ID', 'id') = 'id' and . = $id])")

# What signxml and what lies beneath it raise about a document they dislike.
_NOT_VERIFIED = (
    SignXMLException,
    UnsupportedAlgorithm,
    etree.LxmlError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a signature says of itself: algorithms by URI, and how the octets were made.

    exclusive False means inclusive canonicalisation, the default when no transform names one
    (XML Signature 4.4.3.2).
    """

    method: str
    digest: str
    exclusive: bool
    prefixes: tuple[str, ...]


def verify(
    root: etree._Element,
    *,
    tag: str,
    certificates: Sequence[str],
    allow: Collection[str] = SIGNATURES,
) -> etree._Element:
    """Return a new tree of exactly what was signed, without the signature.

    root is the document's root; tag ("{namespace}name") is what the root must be, except that
    the one direct child Assertion of another root may be asked for. certificates are PEM and
    the only source of keys: what the message says about keys is not read. allow narrows the
    accepted signature algorithms. Raises BadMessage unless all of XML Signature and SAML core
    5.4 holds, for one of the certificates.
    """
    chosen = _choose(root, tag)
    identifier = _only_id(root, chosen)
    document = etree.fromstring(etree.tostring(chosen, with_tail=False, encoding="UTF-8"), MESSAGE_PARSER)
    element = _only_signature(document)
    signature = _read(element, identifier, accepted=digests(allow))
    check_method(signature.method, allow=allow)
    octets = _signed_octets(document, certificates, signature)
    _cut(document, element)
    # The last word: what is handed out is, octet for octet, what the digest was taken over.
    if _canonical(document, signature) != octets:
        raise _bad("what was verified is not what was read")
    return document


def _choose(root: etree._Element, tag: str) -> etree._Element:
    if root.getparent() is not None:
        raise _bad("not the root of a document")
    if root.tag == tag:
        return root
    assertions = root.findall(ASSERTION) if tag == ASSERTION else []
    if len(assertions) != 1:
        raise _bad(f"expected one {tag}, found {len(assertions)} in {root.tag!r}")
    return assertions[0]


def _only_id(root: etree._Element, chosen: etree._Element) -> str:
    identifier = chosen.get("ID", "")
    if not identifier or _SAME_ID(root, id=identifier) != 1:
        raise _bad("ID missing or not unique")
    return identifier


def _only_signature(document: etree._Element) -> etree._Element:
    signatures = document.findall(SIGNATURE)
    if len(signatures) != 1:
        raise BadMessage("The message must be signed, and it is not.", detail=f"{len(signatures)} signatures")
    return signatures[0]


def _read(element: etree._Element, identifier: str, *, accepted: Collection[str]) -> _Signature:
    """Check the signature's structure to the last element, and return what it says."""
    info, value, *_ = _children(element, "SignedInfo", "SignatureValue", optional="KeyInfo")
    canonicalisation, method, reference = _children(
        info, "CanonicalizationMethod", "SignatureMethod", "Reference"
    )
    transforms, digest_method, digest_value = _children(
        reference, "Transforms", "DigestMethod", "DigestValue"
    )
    for leaf in (value, method, digest_method, digest_value):
        _children(leaf)
    for text in (value, digest_value):
        decode_base64(text.text or "")
    if reference.get("URI") != f"#{identifier}":
        raise _bad("the reference is to something else")
    if canonicalisation.get("Algorithm") != EXCLUSIVE:
        raise _bad("canonicalisation")
    _prefixes(canonicalisation)
    digest = digest_method.get("Algorithm", "")
    if digest not in accepted:
        raise _bad("digest algorithm")
    exclusive, prefixes = _transforms(transforms)
    return _Signature(method.get("Algorithm", ""), digest, exclusive, prefixes)


def _transforms(element: etree._Element) -> tuple[bool, tuple[str, ...]]:
    """Return (exclusive, prefixes) of the only two lists of transforms that are accepted."""
    transforms = list(element)
    if any(transform.tag != f"{{{DS}}}Transform" for transform in transforms):
        raise _bad("transforms")
    names = [transform.get("Algorithm") for transform in transforms]
    if names not in ([ENVELOPED], [ENVELOPED, EXCLUSIVE]):
        raise _bad(f"transforms {names}")
    _children(transforms[0])
    return (True, _prefixes(transforms[1])) if len(transforms) == 2 else (False, ())


def _prefixes(method: etree._Element) -> tuple[str, ...]:
    """Return the PrefixList of an exclusive canonicalisation (exc-c14n 4), its only parameter."""
    if not len(method):
        return ()
    if [child.tag for child in method] != [INCLUSIVE_NAMESPACES] or len(method[0]):
        raise _bad("canonicalisation parameters")
    return tuple(method[0].get("PrefixList", "").split())


def _children(element: etree._Element, *names: str, optional: str = "") -> list[etree._Element]:
    """Return the element's children, which must be exactly these of XML Signature."""
    found = [child.tag for child in element]
    expected = [f"{{{DS}}}{name}" for name in names]
    if found != expected and not (optional and found == [*expected, f"{{{DS}}}{optional}"]):
        raise _bad(f"unexpected structure in {element.tag!r}")
    return list(element)


def _signed_octets(document: etree._Element, certificates: Sequence[str], signature: _Signature) -> bytes:
    """Return the octets that were signed with the key of one of the certificates."""
    problem = "no certificate fits"
    for certificate in fitting(certificates, uri=signature.method):
        try:
            return _with_key(document, certificate, signature)
        except _NOT_VERIFIED as error:
            problem = f"{type(error).__name__}: {error}"
    raise _bad(problem)


def _with_key(document: etree._Element, certificate: x509.Certificate, signature: _Signature) -> bytes:
    result = XMLVerifier().verify(
        document,
        x509_cert=certificate,
        id_attribute="ID",
        parser=MESSAGE_PARSER,
        # _read has checked the structure, and lxml's schema objects are not for several threads.
        validate_schema=False,
        expect_config=SignatureConfiguration(
            require_x509=True,
            location="./",
            expect_references=1,
            signature_methods=frozenset({SignatureMethod(signature.method)}),
            digest_algorithms=frozenset({DigestAlgorithm(signature.digest)}),
            ignore_ambiguous_key_info=True,
            # The certificate is a container for a key, whose dates say nothing: see `fitting`.
            verification_time=certificate.not_valid_before_utc,
            default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
        ),
    )
    if not isinstance(result, VerifyResult) or not result.signed_data:
        raise ValueError("the verifier gave no result")
    key = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if result.signature_key != key:
        raise ValueError("the verifier used another key")
    return result.signed_data


def _cut(document: etree._Element, element: etree._Element) -> None:
    """Take the signature out of its document, but not the text after it, which is signed."""
    before, tail = element.getprevious(), element.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        document.text = (document.text or "") + tail
    document.remove(element)


def _canonical(document: etree._Element, signature: _Signature) -> bytes:
    try:
        return etree.tostring(
            document,
            method="c14n",
            exclusive=signature.exclusive,
            with_comments=False,
            inclusive_ns_prefixes=list(signature.prefixes),
        )
    except etree.LxmlError as error:
        raise _bad(f"canonicalisation: {error}") from error


def _bad(detail: str) -> BadMessage:
    return BadMessage("The signature of the message could not be verified.", detail=detail[:300])
