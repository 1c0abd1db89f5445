"""Rows 6, 8 to 11, 13, 26: every rule about a signature, each broken alone and truly signed."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from signxml import VerifyResult, XMLVerifier
from signxml.exceptions import InvalidSignature

from idp.core.errors import BadMessage
from idp.signedxml import SIGNATURES, parse_message, sign, verify
from idp.signedxml.names import ASSERTION, DS, ENVELOPED, EXCLUSIVE, ISSUER, SIGNATURE
from tests.signedxml.keys import Key, certificate, ec_key, rsa_key, signer
from tests.signedxml.samples import (
    ID,
    KINDS,
    NS,
    REQUEST,
    canonical,
    find,
    gate,
    genuine,
    redigest,
    resigned,
)

Change = Callable[[etree._Element, etree._Element], None]
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_MGF1 = "http://www.w3.org/2007/05/xmldsig-more#"
_ENC = "http://www.w3.org/2001/04/xmlenc#"
_OLD_C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
_XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
_BASE64 = f"{DS}base64"


def _nothing(element: etree._Element, signature: etree._Element) -> None:
    pass


def _add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{DS}}}{name}", attributes)
    child.text = text or None
    return child


def _set(name: str, attribute: str, value: str) -> Change:
    return lambda _element, signature: find(signature, name).set(attribute, value)


def _transforms(*algorithms: str) -> Change:
    def change(_element: etree._Element, signature: etree._Element) -> None:
        transforms = find(signature, "Transforms")
        for child in list(transforms):
            transforms.remove(child)
        for algorithm in algorithms:
            _add(transforms, "Transform", Algorithm=algorithm)

    return change


def _without(name: str) -> Change:
    def change(_element: etree._Element, signature: etree._Element) -> None:
        found = find(signature, name)
        found.getparent().remove(found)

    return change


def _extra(parent: str, name: str, text: str = "", **attributes: str) -> Change:
    def change(_element: etree._Element, signature: etree._Element) -> None:
        place = signature if parent == "Signature" else find(signature, parent)
        _add(place, name, text, **attributes)

    return change


def _second_reference(_element: etree._Element, signature: etree._Element) -> None:
    reference = find(signature, "Reference")
    reference.addnext(etree.fromstring(etree.tostring(reference)))


def _unnamed_reference(_element: etree._Element, signature: etree._Element) -> None:
    del find(signature, "Reference").attrib["URI"]


def _whole_document(element: etree._Element, signature: etree._Element) -> None:
    find(signature, "Reference").set("URI", "")
    redigest(element, signature)


def _xpath_in_enveloped(_element: etree._Element, signature: etree._Element) -> None:
    _add(find(signature, "Transform"), "XPath", "not(ancestor-or-self::ds:Signature)")


def _inclusive_namespaces_child(_element: etree._Element, signature: etree._Element) -> None:
    last = signature.findall(".//ds:Transform", NS)[-1]
    prefixes = etree.SubElement(last, f"{{{EXCLUSIVE}}}InclusiveNamespaces", PrefixList="saml")
    etree.SubElement(prefixes, "{urn:x}more")


def _other_parameter(_element: etree._Element, signature: etree._Element) -> None:
    etree.SubElement(signature.findall(".//ds:Transform", NS)[-1], "{urn:x}more")


def _foreign_transform(_element: etree._Element, signature: etree._Element) -> None:
    etree.SubElement(find(signature, "Transforms"), "{urn:x}Transform", Algorithm=EXCLUSIVE)


_BROKEN: dict[str, Change] = {
    # Which element the signature is about.
    "reference to the whole document": _whole_document,
    "reference to another ID": _set("Reference", "URI", "#_other"),
    "reference with two hashes": _set("Reference", "URI", f"##{ID}"),
    "reference by XPointer": _set("Reference", "URI", f"#xpointer(id('{ID}'))"),
    "reference to a file": _set("Reference", "URI", "file:///etc/passwd"),
    "reference to an address": _set("Reference", "URI", f"https://evil.example/#{ID}"),
    "reference without URI": _unnamed_reference,
    "reference with a space": _set("Reference", "URI", f"#{ID} "),
    "no reference": _without("Reference"),
    "two references": _second_reference,
    "manifest": _extra("SignedInfo", "Manifest"),
    "object": _extra("Signature", "Object"),
    "second SignedInfo": _extra("Signature", "SignedInfo"),
    "second SignatureValue": _extra("Signature", "SignatureValue", "AAAA"),
    # How the octets are made.
    "no transforms": _without("Transforms"),
    "empty transforms": _transforms(),
    "exclusive only": _transforms(EXCLUSIVE),
    "wrong order": _transforms(EXCLUSIVE, ENVELOPED),
    "three transforms": _transforms(ENVELOPED, EXCLUSIVE, EXCLUSIVE),
    "enveloped twice": _transforms(ENVELOPED, ENVELOPED),
    "XPath": _transforms(ENVELOPED, _XPATH),
    "XPath and exclusive": _transforms(_XPATH, EXCLUSIVE),
    "XSLT": _transforms(ENVELOPED, _XSLT),
    "base64": _transforms(ENVELOPED, _BASE64),
    "inclusive": _transforms(ENVELOPED, _OLD_C14N),
    "inclusive 1.1": _transforms(ENVELOPED, _C14N_11),
    "with comments": _transforms(ENVELOPED, f"{EXCLUSIVE}WithComments"),
    "unknown transform": _transforms(ENVELOPED, "urn:nothing"),
    "XPath inside enveloped": _xpath_in_enveloped,
    "child of InclusiveNamespaces": _inclusive_namespaces_child,
    "unknown parameter": _other_parameter,
    "transform of another namespace": _foreign_transform,
    "SignedInfo inclusive": _set("CanonicalizationMethod", "Algorithm", _OLD_C14N),
    "SignedInfo with comments": _set("CanonicalizationMethod", "Algorithm", f"{EXCLUSIVE}WithComments"),
    "SignedInfo unknown": _set("CanonicalizationMethod", "Algorithm", ""),
    "parameter of the method": _extra("SignatureMethod", "HMACOutputLength", "8"),
    "child of DigestValue": _extra("DigestValue", "x"),
    "child of DigestMethod": _extra("DigestMethod", "x"),
    "no DigestValue": _without("DigestValue"),
    "no DigestMethod": _without("DigestMethod"),
    "no SignatureMethod": _without("SignatureMethod"),
    "no CanonicalizationMethod": _without("CanonicalizationMethod"),
}


@pytest.mark.parametrize("change", _BROKEN.values(), ids=_BROKEN)
def test_case_06_signature_of_another_shape(change: Change) -> None:
    data = genuine()
    gate(resigned(data, _nothing))
    with pytest.raises(BadMessage):
        gate(resigned(data, change))


def _inclusive(element: etree._Element, signature: etree._Element) -> None:
    _transforms(ENVELOPED)(element, signature)
    redigest(element, signature, exclusive=False)


def _prefix_list(text: str) -> Change:
    def change(element: etree._Element, signature: etree._Element) -> None:
        for method in (
            find(signature, "CanonicalizationMethod"),
            signature.findall(".//ds:Transform", NS)[1],
        ):
            etree.SubElement(method, f"{{{EXCLUSIVE}}}InclusiveNamespaces", PrefixList=text)
        redigest(element, signature, inclusive_ns_prefixes=text.split())

    return change


def _foreign_key_info(_element: etree._Element, signature: etree._Element) -> None:
    info = find(signature, "KeyInfo")
    info.clear()
    value = _add(_add(info, "KeyValue"), "RSAKeyValue")
    _add(value, "Modulus", "AQAB")
    _add(value, "Exponent", "AQAB")
    stranger = "".join(certificate(rsa_key("stranger")).splitlines()[1:-1])
    _add(_add(info, "X509Data"), "X509Certificate", stranger)


def _wrapped_base64(_element: etree._Element, signature: etree._Element) -> None:
    digest = find(signature, "DigestValue")
    digest.text = f"\n  {digest.text[:20]}\n\t{digest.text[20:]} "


_GENUINE: dict[str, Change] = {
    "as signed": _nothing,
    "without KeyInfo": _without("KeyInfo"),
    "KeyInfo of somebody else is not read": _foreign_key_info,
    "enveloped only, so inclusive": _inclusive,
    "prefix list": _prefix_list("saml samlp"),
    "prefix list with default and unknown": _prefix_list("#default none xs"),
    "base64 in lines": _wrapped_base64,
    "Id on the signature": lambda _element, signature: signature.set("Id", "_signature"),
}


@pytest.mark.parametrize("change", _GENUINE.values(), ids=_GENUINE)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_genuine_signatures_of_other_shapes_are_accepted(kind, change: Change) -> None:
    assert gate(resigned(genuine(kind), change, kind=kind), kind).tag == kind.tag


@pytest.mark.parametrize("bits", [256, 384, 512])
@pytest.mark.parametrize(
    ("method", "key", "pss"),
    [
        (_MORE + "rsa-sha{}", rsa_key, False),
        (_MGF1 + "sha{}-rsa-MGF1", rsa_key, True),
        (_MORE + "ecdsa-sha{}", ec_key, False),
        (_MORE + "ecdsa-sha{}", lambda: ec_key(ec.SECP384R1), False),
        (_MORE + "ecdsa-sha{}", lambda: ec_key(ec.SECP521R1), False),
    ],
    ids=["rsa", "pss", "P-256", "P-384", "P-521"],
)
def test_every_accepted_algorithm(bits: int, method: str, key: Callable[[], Key], pss: bool) -> None:
    uri = method.format(bits)
    digest = f"sha{bits}"
    digest_uri = f"{_MORE}sha384" if bits == 384 else f"{_ENC}sha{bits}"

    def change(element: etree._Element, signature: etree._Element) -> None:
        find(signature, "SignatureMethod").set("Algorithm", uri)
        find(signature, "DigestMethod").set("Algorithm", digest_uri)
        redigest(element, signature, digest=digest)

    data = resigned(genuine(), change, key=key(), digest=digest, pss=pss)
    assert gate(data, key=key()).tag == REQUEST.tag
    assert gate(data, key=key(), allow={uri}).tag == REQUEST.tag
    with pytest.raises(BadMessage, match="algorithm"):
        gate(data, key=key(), allow=SIGNATURES - {uri})


@pytest.mark.parametrize(
    ("uri", "digest"),
    [
        (f"{DS}rsa-sha1", "sha1"),
        (f"{_MORE}rsa-sha224", "sha224"),
        (f"{_MGF1}sha1-rsa-MGF1", "sha1"),
        (f"{_MGF1}sha224-rsa-MGF1", "sha224"),
        (f"{_MORE}ecdsa-sha1", "sha1"),
        (f"{_MORE}ecdsa-sha224", "sha224"),
    ],
)
def test_case_26_weak_signature_algorithms(uri: str, digest: str) -> None:
    key = ec_key() if "ecdsa" in uri else rsa_key()
    change = _set("SignatureMethod", "Algorithm", uri)
    data = resigned(genuine(), change, key=key, digest=digest, pss="MGF1" in uri)
    with pytest.raises(BadMessage, match="algorithm"):
        gate(data, key=key)
    with pytest.raises(BadMessage, match="algorithm"):
        gate(data, key=key, allow={uri})


@pytest.mark.parametrize(
    "uri",
    [f"{_MORE}rsa-md5", f"{DS}dsa-sha1", f"{DS}hmac-sha1", f"{_MORE}rsa-ripemd160", "", "none", "RS256"],
)
def test_case_26_other_signature_algorithms(uri: str) -> None:
    with pytest.raises(BadMessage, match="algorithm"):
        gate(resigned(genuine(), _set("SignatureMethod", "Algorithm", uri)))


@pytest.mark.parametrize(
    ("uri", "digest"),
    [(f"{DS}sha1", "sha1"), (f"{_MORE}md5", "md5"), (f"{_MORE}sha224", "sha224"), ("", "sha256")],
)
def test_case_26_weak_digests(uri: str, digest: str) -> None:
    def change(element: etree._Element, signature: etree._Element) -> None:
        find(signature, "DigestMethod").set("Algorithm", uri)
        redigest(element, signature, digest=digest)

    with pytest.raises(BadMessage, match="digest"):
        gate(resigned(genuine(), change))


def test_old_keys_of_1024_bits_are_still_taken() -> None:
    key = rsa_key("old", 1024)
    assert gate(resigned(genuine(), _nothing, key=key), key=key).tag == REQUEST.tag


def test_case_26_curve_that_is_not_accepted() -> None:
    key = ec_key(ec.SECP256K1)
    change = _set("SignatureMethod", "Algorithm", f"{_MORE}ecdsa-sha256")
    with pytest.raises(BadMessage, match="no certificate fits"):
        gate(resigned(genuine(), change, key=key), key=key)


# Row 8: no signature, or nothing to check it with.


def test_case_08_signature_stripped() -> None:
    root = etree.fromstring(genuine())
    root.remove(root.find(SIGNATURE))
    with pytest.raises(BadMessage, match="0 signatures") as caught:
        gate(etree.tostring(root))
    assert caught.value.public == "The message must be signed, and it is not."


@pytest.mark.parametrize("name", ["SignatureValue", "DigestValue"])
@pytest.mark.parametrize("value", ["", " ", "AAAA", "!!!!", "A", "=", "\u00a0"])
def test_case_08_empty_or_broken_values(name: str, value: str) -> None:
    root = etree.fromstring(genuine())
    gate(etree.tostring(root))
    find(root, name).text = value
    with pytest.raises(BadMessage):
        gate(etree.tostring(root))


def test_case_08_garbage_around_true_base64() -> None:
    root = etree.fromstring(genuine())
    value = find(root, "SignatureValue")
    value.text = f"*{value.text}"
    with pytest.raises(BadMessage):
        gate(etree.tostring(root))


def test_case_08_empty_signature() -> None:
    root = etree.fromstring(genuine())
    tail = root.find(SIGNATURE)
    for child in list(tail):
        tail.remove(child)
    with pytest.raises(BadMessage):
        gate(etree.tostring(root))


def test_case_08_signature_of_another_namespace() -> None:
    data = genuine().replace(DS.encode(), b"urn:not-dsig")
    with pytest.raises(BadMessage, match="0 signatures"):
        gate(data)


@pytest.mark.parametrize(
    "certificates",
    [[], [""], ["nonsense"], ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]],
)
def test_case_08_nothing_to_verify_with(certificates: list[str]) -> None:
    root = parse_message(genuine())
    with pytest.raises(BadMessage, match="no certificate fits"):
        verify(root, tag=REQUEST.tag, certificates=certificates)


def test_nothing_allowed() -> None:
    with pytest.raises(BadMessage, match="algorithm"):
        gate(genuine(), allow=())


# Row 9: keys from the message.


def _signed_by(key: Key) -> bytes:
    return resigned(genuine(), _nothing, key=key)


def test_case_09_certificate_of_the_attacker_in_the_message() -> None:
    stranger = rsa_key("stranger")
    names = [
        x509.load_pem_x509_certificate(certificate(key).encode()).subject for key in (stranger, rsa_key())
    ]
    assert names[0] == names[1]

    def change(_element: etree._Element, signature: etree._Element) -> None:
        find(signature, "X509Certificate").text = "".join(certificate(stranger).splitlines()[1:-1])

    data = resigned(genuine(), change, key=stranger)
    assert gate(data, key=stranger).tag == REQUEST.tag
    with pytest.raises(BadMessage):
        gate(data)


def test_case_09_true_certificate_beside_a_foreign_signature() -> None:
    with pytest.raises(BadMessage):
        gate(_signed_by(rsa_key("stranger")))


def test_case_09_bare_key_in_the_message() -> None:
    stranger = rsa_key("stranger")
    numbers = stranger.public_key().public_numbers()

    def change(_element: etree._Element, signature: etree._Element) -> None:
        info = find(signature, "KeyInfo")
        info.clear()
        value = _add(_add(info, "KeyValue"), "RSAKeyValue")
        _add(value, "Modulus", base64.b64encode(numbers.n.to_bytes(256, "big")).decode())
        _add(value, "Exponent", "AQAB")

    with pytest.raises(BadMessage):
        gate(resigned(genuine(), change, key=stranger))


@pytest.mark.parametrize("form", ["pem", "der", "empty"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_case_09_certificate_as_hmac_key(form: str, digest: str) -> None:
    pem = certificate(rsa_key())
    secret = {"pem": pem.encode(), "der": base64.b64decode("".join(pem.splitlines()[1:-1])), "empty": b""}[
        form
    ]
    uri = f"{DS}hmac-sha1" if digest == "sha1" else f"{_MORE}hmac-{digest}"
    root = etree.fromstring(genuine())
    find(root, "SignatureMethod").set("Algorithm", uri)
    octets = canonical(find(root, "SignedInfo"))
    find(root, "SignatureValue").text = base64.b64encode(hmac.digest(secret, octets, digest)).decode()
    with pytest.raises(BadMessage, match="algorithm"):
        gate(etree.tostring(root), allow=SIGNATURES | {uri})


def test_case_09_algorithm_of_another_family_than_the_key() -> None:
    data = resigned(genuine(), _set("SignatureMethod", "Algorithm", f"{_MORE}ecdsa-sha256"))
    with pytest.raises(BadMessage, match="no certificate fits"):
        gate(data)


def test_keys_are_tried_in_turn() -> None:
    root = parse_message(genuine())
    others = [certificate(ec_key()), "nonsense", certificate(rsa_key("stranger"))]
    with pytest.raises(BadMessage):
        verify(root, tag=REQUEST.tag, certificates=others)
    verify(root, tag=REQUEST.tag, certificates=[*others, certificate(rsa_key())])


@pytest.mark.parametrize("year", [1990, 2010, 2060])
def test_dates_of_certificates_say_nothing(year: int) -> None:
    pem = certificate(rsa_key(), begin=datetime(year, 1, 1, tzinfo=UTC), days=30)
    verify(parse_message(genuine()), tag=REQUEST.tag, certificates=[pem])


def test_verifying_leaves_the_message_as_it_was() -> None:
    root = parse_message(genuine())
    before = etree.tostring(root)
    verified = verify(root, tag=REQUEST.tag, certificates=[certificate(rsa_key())])
    verified.clear()
    assert etree.tostring(root) == before


# Row 10: a verifier that fails in any way.


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        -1,
        0,
        1,
        True,
        "ok",
        [],
        InvalidSignature("no"),
        ValueError("odd"),
        KeyError("x"),
        TypeError("y"),
    ],
    ids=repr,
)
def test_case_10_verifier_error(outcome: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_arguments: object, **_options: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    gate(genuine())
    monkeypatch.setattr(XMLVerifier, "verify", answer)
    with pytest.raises(BadMessage):
        gate(genuine())


@pytest.mark.parametrize("outcome", [RuntimeError, MemoryError, RecursionError])
def test_case_10_unforeseen_error_is_no_yes(
    outcome: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_arguments: object, **_options: object) -> object:
        raise outcome

    monkeypatch.setattr(XMLVerifier, "verify", answer)
    with pytest.raises(outcome):
        gate(genuine())


@pytest.mark.parametrize(
    "change",
    [
        {"signed_data": b""},
        {"signed_data": b"<evil/>"},
        {"signature_key": b""},
        {"signature_key": b"-----BEGIN PUBLIC KEY-----"},
    ],
    ids=str,
)
def test_case_10_verifier_that_verified_something_else(
    change: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    true_verify = XMLVerifier.verify

    def answer(self: XMLVerifier, *arguments: object, **options: object) -> VerifyResult:
        return replace(true_verify(self, *arguments, **options), **change)

    monkeypatch.setattr(XMLVerifier, "verify", answer)
    with pytest.raises(BadMessage):
        gate(genuine())


# Row 11: canonicalisation that ends in nothing.


def test_case_11_relative_namespace_makes_canonicalisation_fail() -> None:
    data = genuine().replace(b"<samlp:NameIDPolicy ", b'<samlp:NameIDPolicy xmlns:r="relative" r:x="1" ')
    with pytest.raises(etree.C14NError):
        canonical(etree.fromstring(data))
    with pytest.raises(BadMessage):
        gate(data)


def test_case_11_digest_of_nothing() -> None:
    empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # base64 of SHA-256 of no octets

    def change(element: etree._Element, signature: etree._Element) -> None:
        etree.SubElement(element, "{relative}x")
        find(signature, "DigestValue").text = empty

    with pytest.raises(BadMessage):
        gate(resigned(genuine(), change))


def test_case_11_canonicalisation_that_returns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(XMLVerifier, "_c14n", lambda *_arguments, **_options: b"")
    with pytest.raises(BadMessage):
        gate(genuine())


# Row 13: text that reads differently than it was signed.


@pytest.mark.parametrize("inserted", [b"<!-- x -->", b"<?x y?>", b"<!---->"])
@pytest.mark.parametrize("place", [b"alice@", b"https://sp.example", b"<saml:Subject>"])
def test_case_13_split_text(place: bytes, inserted: bytes) -> None:
    kind = KINDS["Assertion"]
    data = genuine(kind)
    assert place in data
    with pytest.raises(BadMessage, match=r"comment|instruction"):
        gate(data.replace(place, inserted + place), kind)


def test_case_13_cdata_is_text() -> None:
    kind = KINDS["Assertion"]
    data = genuine(kind).replace(b">alice<", b"><![CDATA[ali]]>ce<")
    assert gate(data, kind).findtext(".//saml:NameID", namespaces=NS) == "alice"


def test_case_13_child_element_in_signed_text() -> None:
    kind = KINDS["Assertion"]
    with pytest.raises(BadMessage):
        gate(genuine(kind).replace(b">alice<", b">ali<x/>ce<"), kind)


def _with_text_moved_behind_the_signature(text: str) -> bytes:
    """Return a message whose text after the Issuer stands after the signature: the same octets."""
    root = etree.fromstring(REQUEST.text.replace("</saml:Issuer>", f"</saml:Issuer>{text}"))
    sign(root, signer=signer(), alg="RS256", after_tag=ISSUER)
    root[1].tail, root[0].tail = root[0].tail, None
    return etree.tostring(root)


def test_space_after_the_signature_is_signed_and_kept() -> None:
    data = _with_text_moved_behind_the_signature("\n  ")
    assert gate(data)[0].tail == "\n  "
    with pytest.raises(BadMessage):
        gate(data.replace(b"</ds:Signature>\n  <", b"</ds:Signature>\n <"))


def test_other_text_after_the_signature_is_refused() -> None:
    # No SAML element that is signed has text among its children, and signxml can't read it.
    with pytest.raises(BadMessage):
        gate(_with_text_moved_behind_the_signature("text"))


def test_comments_in_signed_metadata_are_dropped_whole() -> None:
    kind = KINDS["EntityDescriptor"]
    data = genuine(kind).replace(b"<md:SPSSODescriptor", b"<!-- a --><?b c?><md:SPSSODescriptor")
    verified = gate(data, kind)
    assert [child.tag for child in verified] == [f"{{{NS['md']}}}SPSSODescriptor"]


# Whatever byte of the signed part is changed.

_SIGNED = {name: genuine(kind) for name, kind in KINDS.items()}


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_any_changed_byte_is_refused_or_means_the_same(name: str, data: st.DataObject) -> None:
    kind, signed = KINDS[name], _SIGNED[name]
    place = data.draw(st.integers(0, len(signed) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != signed[place]))
    changed = signed[:place] + bytes([byte]) + signed[place + 1 :]
    try:
        verified = gate(changed, kind)
    except BadMessage:
        return
    # Accepted: it was in what no signature covers (KeyInfo), in what stands beside the
    # assertion, or it was white space or a quote in a tag.
    assert canonical(verified) == canonical(gate(signed, kind))


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_any_changed_text_or_attribute_is_refused(name: str, data: st.DataObject) -> None:
    kind = KINDS[name]
    root = etree.fromstring(_SIGNED[name])
    element = root if root.tag == kind.tag else root.find(ASSERTION)
    signed = [
        node
        for node in element.iter()
        if not any(above.tag == SIGNATURE for above in (node, *node.iterancestors()))
    ]
    signed.append(find(element, "SignedInfo"))
    node = data.draw(st.sampled_from(signed))
    change = data.draw(st.sampled_from(["text", "attribute", "child", "remove", "tag"]))
    if change == "text":
        node.text = (node.text or "") + "x"
    elif change == "attribute":
        node.set(data.draw(st.sampled_from(["a", "ID2", "{urn:x}y"])), "")
    elif change == "child":
        node.insert(data.draw(st.integers(0, len(node))), etree.Element("{urn:x}child"))
    elif change == "remove" and node is not element:
        node.getparent().remove(node)
    else:
        node.tag = "{urn:x}other"
    with pytest.raises(BadMessage):
        gate(etree.tostring(root), kind)


def test_threads_get_their_own_answers() -> None:
    good = genuine()
    bad = good.replace(b"sp.example", b"xp.example")
    gate(good)

    def is_accepted(number: int) -> bool:
        try:
            gate(bad if number % 3 else good)
        except BadMessage:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(is_accepted, range(300))) == [number % 3 == 0 for number in range(300)]
