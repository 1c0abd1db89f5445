"""Row 6 and 7: another element than the signed one in the place that is read."""

from __future__ import annotations

import pytest
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier
from signxml.exceptions import SignXMLException

from idp.core.errors import BadMessage
from idp.signedxml import parse_message, validate, verify
from idp.signedxml.names import ASSERTION, SAML, SAMLP, SIGNATURE
from tests.signedxml.keys import certificate, rsa_key
from tests.signedxml.samples import KINDS, NS, REQUEST, Kind, gate, genuine, target
from tests.signedxml.wrapping import AMONG_OTHERS, EIGHT, EVIL, Wrap

_ASSERTION = KINDS["Assertion"]
_PLACES = [(f"{name}-{kind}", wrap, KINDS[kind]) for name, wrap in EIGHT.items() for kind in KINDS]
_PLACES += [(name, wrap, _ASSERTION) for name, wrap in AMONG_OTHERS.items()]


def _careless(data: bytes) -> bool:
    """Say whether a verifier that takes any signature anywhere is content."""
    try:
        XMLVerifier().verify(
            data,
            x509_cert=certificate(rsa_key()),
            validate_schema=False,
            expect_config=SignatureConfiguration(location=".//"),
        )
    except SignXMLException:
        return False
    return True


@pytest.mark.parametrize(("wrap", "kind"), [row[1:] for row in _PLACES], ids=[row[0] for row in _PLACES])
def test_case_06_wrapped_message_is_refused(wrap: Wrap, kind: Kind) -> None:
    original = genuine(kind)
    gate(original, kind)
    forged = wrap(original, kind)
    assert EVIL.encode() in forged or kind.name == "EntityDescriptor"
    with pytest.raises(BadMessage):
        gate(forged, kind)


def test_case_06_the_forgeries_would_fool_a_careless_verifier() -> None:
    fooled = {name for name, wrap, kind in _PLACES if _careless(wrap(genuine(kind), kind))}
    honest = {name for name, _, _ in _PLACES} - fooled
    # Two elements of one ID are all that signxml itself objects to.
    assert {name for name in honest if not name.startswith("both_with_the_same_id")} == set()


@pytest.mark.parametrize(("wrap", "kind"), [row[1:] for row in _PLACES], ids=[row[0] for row in _PLACES])
def test_case_06_the_schema_alone_refuses_most_of_them(wrap: Wrap, kind: Kind) -> None:
    forged = etree.fromstring(wrap(genuine(kind), kind))
    allowed_by_schema = {
        # Extensions, ds:Object and Advice are there to hold anything; many assertions are allowed.
        *("original_in_extensions", "original_in_object", "original_in_advice", "original_in_key_info"),
        *AMONG_OTHERS,
    }
    if wrap.__name__ not in allowed_by_schema:
        with pytest.raises(BadMessage):
            validate(forged)


@pytest.mark.parametrize(
    "attribute", ["ID", "Id", "id", "iD", "{urn:x}ID", "{http://www.w3.org/XML/1998/namespace}id"]
)
@pytest.mark.parametrize("kind", [REQUEST, _ASSERTION], ids=lambda kind: kind.name)
def test_case_06_id_given_twice_in_any_spelling(kind: Kind, attribute: str) -> None:
    original = genuine(kind)
    gate(original, kind)
    root = etree.fromstring(original)
    # Inside KeyInfo nothing is signed, so only the rule about the ID can refuse it.
    info = root.find(".//ds:KeyInfo", NS)
    info.set(attribute, target(root, kind).get("ID"))
    with pytest.raises(BadMessage, match="ID"):
        gate(etree.tostring(root), kind)


def test_case_06_other_ids_do_no_harm() -> None:
    root = etree.fromstring(genuine())
    root.find(".//ds:KeyInfo", NS).set("Id", "_another")
    assert gate(etree.tostring(root)).tag == REQUEST.tag


def test_case_06_message_without_id() -> None:
    root = etree.fromstring(genuine())
    del root.attrib["ID"]
    with pytest.raises(BadMessage, match="ID"):
        gate(etree.tostring(root))


def test_case_06_another_kind_of_message_in_its_place() -> None:
    data = genuine(KINDS["LogoutRequest"])
    gate(data, KINDS["LogoutRequest"])
    with pytest.raises(BadMessage):
        gate(data, REQUEST)


def test_case_06_only_a_whole_document_is_verified() -> None:
    root = parse_message(genuine(_ASSERTION))
    assertion = root.find(ASSERTION)
    certificates = [certificate(rsa_key())]
    assert verify(root, tag=ASSERTION, certificates=certificates).tag == ASSERTION
    with pytest.raises(BadMessage, match="root"):
        verify(assertion, tag=ASSERTION, certificates=certificates)


def test_case_06_only_assertions_are_looked_for_below_the_root() -> None:
    inner = etree.fromstring(genuine())
    outer = etree.Element(f"{{{SAMLP}}}Envelope", nsmap={"samlp": SAMLP, "saml": SAML})
    outer.append(inner)
    with pytest.raises(BadMessage):
        gate(etree.tostring(outer))


def test_case_06_what_stands_beside_a_signed_assertion_is_not_returned() -> None:
    root = etree.fromstring(genuine(_ASSERTION))
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    evil = etree.SubElement(extensions, ASSERTION, {"ID": "_evil"})
    etree.SubElement(evil, f"{{{SAML}}}NameID").text = EVIL
    root.insert(1, extensions)
    verified = gate(etree.tostring(root), _ASSERTION)
    assert verified.getparent() is None
    assert EVIL not in "".join(verified.getroottree().getroot().itertext())
    assert verified.findtext(".//saml:NameID", namespaces=NS) == "alice"


def test_case_06_second_signature() -> None:
    root = etree.fromstring(genuine())
    signature = root.find(SIGNATURE)
    gate(etree.tostring(root))
    root.insert(2, etree.fromstring(etree.tostring(signature)))
    with pytest.raises(BadMessage, match="2 signatures"):
        gate(etree.tostring(root))


def test_case_06_signature_deeper_down() -> None:
    root = etree.fromstring(genuine())
    policy = root.find("samlp:NameIDPolicy", NS)
    policy.append(root.find(SIGNATURE))
    assert _careless(etree.tostring(root))
    with pytest.raises(BadMessage, match="0 signatures"):
        gate(etree.tostring(root))


@pytest.mark.parametrize("first", [True, False])
def test_case_07_second_assertion_beside_the_signed_one(first: bool) -> None:
    root = etree.fromstring(genuine(_ASSERTION))
    gate(etree.tostring(root), _ASSERTION)
    evil = etree.fromstring(_ASSERTION.text).find(ASSERTION)
    evil.set("ID", "_evil")
    place = root.find(ASSERTION)
    place.addprevious(evil) if first else place.addnext(evil)
    with pytest.raises(BadMessage, match="found 2"):
        gate(etree.tostring(root), _ASSERTION)


def test_case_07_no_assertion_at_all() -> None:
    root = etree.fromstring(genuine(_ASSERTION))
    root.remove(root.find(ASSERTION))
    with pytest.raises(BadMessage, match="found 0"):
        gate(etree.tostring(root), _ASSERTION)
