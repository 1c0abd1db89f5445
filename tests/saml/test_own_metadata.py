"""Our own metadata: signed, sound, with every key partners must know, and stable until something changes."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from idp import signedxml
from idp.saml.metadata import Metadata
from tests.clock import TestClock
from tests.saml.house import BASE, ENTITY, TEST, House
from tests.saml.sp import MD, POST, REDIRECT, SAMLP
from tests.signedxml.oracles import ORACLES
from tests.signedxml.samples import Kind

NS = {"md": MD, "ds": "http://www.w3.org/2000/09/xmldsig#"}
TAG = f"{{{MD}}}EntityDescriptor"
SOAP = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"


def root_of(house: House) -> etree._Element:
    return etree.fromstring(house.metadata.document().body)


def certificates(house: House) -> list[bytes]:
    found = root_of(house).findall(
        "md:IDPSSODescriptor/md:KeyDescriptor/ds:KeyInfo/ds:X509Data/ds:X509Certificate", NS
    )
    return [base64.b64decode(element.text or "") for element in found]


def test_it_says_where_to_send_people_and_how(house: House) -> None:
    root = root_of(house)
    signedxml.validate(root)
    assert root.get("entityID") == ENTITY
    role = root.find("md:IDPSSODescriptor", NS)
    assert role is not None
    assert role.get("protocolSupportEnumeration") == SAMLP
    assert role.get("WantAuthnRequestsSigned") == "false"
    places = [
        (etree.QName(element).localname, element.get("Binding"), element.get("Location")) for element in role
    ]
    assert [place for place in places if place[1]] == [
        ("SingleLogoutService", REDIRECT, f"{BASE}/saml/slo"),
        ("SingleLogoutService", POST, f"{BASE}/saml/slo"),
        ("SingleLogoutService", SOAP, f"{BASE}/saml/slo/soap"),
        ("SingleSignOnService", REDIRECT, f"{BASE}/saml/sso"),
        ("SingleSignOnService", POST, f"{BASE}/saml/sso"),
    ]
    assert [element.text for element in role.findall("md:NameIDFormat", NS)] == [
        "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    ]


@pytest.mark.parametrize("oracle", ORACLES)
def test_other_verifiers_agree_on_its_signature(house: House, oracle: str) -> None:
    signer = house.keys.signer("default", "RS256")
    body = house.metadata.document().body
    assert ORACLES[oracle](body, Kind("metadata", "", TAG), signer.certificate)
    signedxml.verify(etree.fromstring(body), tag=TAG, certificates=[signer.certificate])


def test_it_shows_the_signing_key_first_and_every_other_that_matters(house: House) -> None:
    published = [key for key in house.keys.published("default") if key.alg == "RS256"]
    assert [str(key.state) for key in published] == ["active", "next"]
    expected = [
        x509.load_pem_x509_certificate(key.certificate.encode()).public_bytes(Encoding.DER)
        for key in published
    ]
    assert certificates(house) == expected


def test_a_rotation_changes_it_and_keeps_the_old_key(house: House) -> None:
    before, first = house.metadata.document(), certificates(house)
    with house.store.write() as unit:
        house.keys.rotate(unit, actor=TEST, key_set="default")
    after = house.metadata.document()
    assert before.etag != after.etag
    second = certificates(house)
    assert second[0] == first[1]
    assert set(first) < set(second)
    assert len(second) == 3


def test_it_stays_the_same_until_something_changes_on_every_node(house: House) -> None:
    assert isinstance(house.clock, TestClock)
    first = house.metadata.document()
    house.clock.advance(days=30)
    assert house.metadata.document() is first
    assert Metadata(issuers=house.issuers, keys=house.keys).document() == first


def test_a_copy_that_is_kept_for_years_does_not_run_out(house: House) -> None:
    root = root_of(house)
    assert [element for element in root.iter() if element.get("validUntil")] == []
    assert root.get("cacheDuration") == "PT6H"
