"""Row 6: every rule about what a signature looks like, each broken alone and truly signed."""

from __future__ import annotations

import pytest
from lxml import etree

from idp.core.errors import BadMessage
from idp.signedxml.names import ENVELOPED, EXCLUSIVE
from tests.signedxml.changes import (
    BASE64,
    C14N_11,
    OLD_C14N,
    XPATH,
    XSLT,
    Change,
    add,
    extra,
    nothing,
    set_attribute,
    transforms,
    without,
)
from tests.signedxml.keys import certificate, rsa_key
from tests.signedxml.samples import (
    ID,
    KINDS,
    NS,
    find,
    gate,
    genuine,
    redigest,
    resigned,
)


def _second_reference(_element: etree._Element, signature: etree._Element) -> None:
    reference = find(signature, "Reference")
    reference.addnext(etree.fromstring(etree.tostring(reference)))


def _unnamed_reference(_element: etree._Element, signature: etree._Element) -> None:
    del find(signature, "Reference").attrib["URI"]


def _whole_document(element: etree._Element, signature: etree._Element) -> None:
    find(signature, "Reference").set("URI", "")
    redigest(element, signature)


def _xpath_in_enveloped(_element: etree._Element, signature: etree._Element) -> None:
    add(find(signature, "Transform"), "XPath", "not(ancestor-or-self::ds:Signature)")


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
    "reference to another ID": set_attribute("Reference", "URI", "#_other"),
    "reference with two hashes": set_attribute("Reference", "URI", f"##{ID}"),
    "reference by XPointer": set_attribute("Reference", "URI", f"#xpointer(id('{ID}'))"),
    "reference to a file": set_attribute("Reference", "URI", "file:///etc/passwd"),
    "reference to an address": set_attribute("Reference", "URI", f"https://evil.example/#{ID}"),
    "reference without URI": _unnamed_reference,
    "reference with a space": set_attribute("Reference", "URI", f"#{ID} "),
    "no reference": without("Reference"),
    "two references": _second_reference,
    "manifest": extra("SignedInfo", "Manifest"),
    "object": extra("Signature", "Object"),
    "second SignedInfo": extra("Signature", "SignedInfo"),
    "second SignatureValue": extra("Signature", "SignatureValue", "AAAA"),
    # How the octets are made.
    "no transforms": without("Transforms"),
    "empty transforms": transforms(),
    "exclusive only": transforms(EXCLUSIVE),
    "wrong order": transforms(EXCLUSIVE, ENVELOPED),
    "three transforms": transforms(ENVELOPED, EXCLUSIVE, EXCLUSIVE),
    "enveloped twice": transforms(ENVELOPED, ENVELOPED),
    "XPath": transforms(ENVELOPED, XPATH),
    "XPath and exclusive": transforms(XPATH, EXCLUSIVE),
    "XSLT": transforms(ENVELOPED, XSLT),
    "base64": transforms(ENVELOPED, BASE64),
    "inclusive": transforms(ENVELOPED, OLD_C14N),
    "inclusive 1.1": transforms(ENVELOPED, C14N_11),
    "with comments": transforms(ENVELOPED, f"{EXCLUSIVE}WithComments"),
    "unknown transform": transforms(ENVELOPED, "urn:nothing"),
    "XPath inside enveloped": _xpath_in_enveloped,
    "child of InclusiveNamespaces": _inclusive_namespaces_child,
    "unknown parameter": _other_parameter,
    "transform of another namespace": _foreign_transform,
    "SignedInfo inclusive": set_attribute("CanonicalizationMethod", "Algorithm", OLD_C14N),
    "SignedInfo with comments": set_attribute(
        "CanonicalizationMethod", "Algorithm", f"{EXCLUSIVE}WithComments"
    ),
    "SignedInfo unknown": set_attribute("CanonicalizationMethod", "Algorithm", ""),
    "parameter of the method": extra("SignatureMethod", "HMACOutputLength", "8"),
    "child of DigestValue": extra("DigestValue", "x"),
    "child of DigestMethod": extra("DigestMethod", "x"),
    "no DigestValue": without("DigestValue"),
    "no DigestMethod": without("DigestMethod"),
    "no SignatureMethod": without("SignatureMethod"),
    "no CanonicalizationMethod": without("CanonicalizationMethod"),
}


@pytest.mark.parametrize("change", _BROKEN.values(), ids=_BROKEN)
def test_case_06_signature_of_another_shape(change: Change) -> None:
    data = genuine()
    gate(resigned(data, nothing))
    with pytest.raises(BadMessage):
        gate(resigned(data, change))


def _inclusive(element: etree._Element, signature: etree._Element) -> None:
    transforms(ENVELOPED)(element, signature)
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
    value = add(add(info, "KeyValue"), "RSAKeyValue")
    add(value, "Modulus", "AQAB")
    add(value, "Exponent", "AQAB")
    stranger = "".join(certificate(rsa_key("stranger")).splitlines()[1:-1])
    add(add(info, "X509Data"), "X509Certificate", stranger)


def _wrapped_base64(_element: etree._Element, signature: etree._Element) -> None:
    digest = find(signature, "DigestValue")
    digest.text = f"\n  {digest.text[:20]}\n\t{digest.text[20:]} "


_GENUINE: dict[str, Change] = {
    "as signed": nothing,
    "without KeyInfo": without("KeyInfo"),
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
