"""Every kind of message that leaves: valid by the OASIS schemas, and verified by others than us."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from idp import signedxml
from idp.core.errors import Denied, Reason
from idp.core.model import Participant, Partner, Reply, Subject, SubjectForm
from idp.partners.saml import Encrypt, saml_settings
from idp.saml import soap
from idp.saml.logout import Asked
from tests.saml.decrypting import decrypted
from tests.saml.house import House, message_of
from tests.saml.leaving import metadata
from tests.saml.sp import POST, SAML, SAMLP, SOAP, Sp, authn_request, query
from tests.signedxml.oracles import ORACLES
from tests.signedxml.samples import Kind

ASSERTION, RESPONSE = f"{{{SAML}}}Assertion", f"{{{SAMLP}}}Response"
ENCRYPTED = f"{{{SAML}}}EncryptedAssertion"


def check(house: House, root: etree._Element, *signed: str) -> None:
    """Hold a message against the schema, and each signed element of it against the other verifiers."""
    signedxml.validate(root)
    certificate = house.keys.signer("default", "RS256").certificate
    assert signed
    for tag in signed:
        for name, oracle in ORACLES.items():
            assert oracle(etree.tostring(root), Kind("ours", "", tag), certificate), (name, tag)


@pytest.mark.parametrize("form", list(SubjectForm), ids=str)
@pytest.mark.parametrize("sign", ["both", "response", "assertion"])
@pytest.mark.parametrize("encrypt", [Encrypt.NEVER, Encrypt.ALWAYS], ids=str)
def test_answers(
    house: House, key: rsa.RSAPrivateKey, form: SubjectForm, sign: str, encrypt: Encrypt
) -> None:
    outside, inside = sign in ("both", "response"), sign in ("both", "assertion")
    house.add(Sp(key), sign_response=outside, sign_assertion=inside, encrypt=encrypt)
    request = house.inbound.by_redirect(query(authn_request(house.clock.now()))).request
    qualifier = "https://sp.example/metadata" if form in (SubjectForm.PAIRWISE, SubjectForm.TRANSIENT) else ""
    subject = Subject(value="ada@example.com", form=form, qualifier=qualifier)
    root = message_of(house.door.answer(house.grant(request, subject=subject)))
    if encrypt is Encrypt.NEVER:
        check(house, root, *([RESPONSE] if outside else []), *([ASSERTION] if inside else []))
        return
    if outside:
        check(house, root, RESPONSE)
    inner = opened(root, key)
    signedxml.validate(inner)
    if inside:
        check(house, inner, ASSERTION)


def opened(root: etree._Element, key: rsa.RSAPrivateKey) -> etree._Element:
    (wrapped,) = root.findall(ENCRYPTED)
    return decrypted(wrapped, key)


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_denials(house: House, key: rsa.RSAPrivateKey, reason: Reason) -> None:
    house.add(Sp(key), sign_response=False)
    request = house.inbound.by_redirect(query(authn_request(house.clock.now()))).request
    check(house, message_of(house.door.deny(request, Denied("No <way> & none.", reason=reason))), RESPONSE)


def posted_request(house: House, partner: Partner, participant: Participant) -> etree._Element:
    return by_form(house.logout.end(participant, chain="c").reply, "SAMLRequest")


def posted_response(house: House, partner: Partner, _participant: Participant) -> etree._Element:
    finish = {"partner": partner.id, "id": "_asked"}
    return by_form(house.logout.answer(finish, complete=False), "SAMLResponse")


def soap_request(house: House, partner: Partner, participant: Participant) -> etree._Element:
    endpoint = saml_settings(partner).soap_logout
    assert endpoint is not None
    signed = house.logout.signed(house.logout.request(participant, partner, endpoint), partner)
    return soap.opened(soap.enveloped(signed))


def soap_response(house: House, partner: Partner, participant: Participant) -> etree._Element:
    asked = Asked(participants=(participant,), finish_door="", finish={"partner": partner.id, "id": "_asked"})
    return soap.opened(house.logout.answer_by_soap(asked, complete=True))


def by_form(reply: Reply | None, name: str) -> etree._Element:
    assert reply is not None
    assert reply.fields is not None
    return etree.fromstring(b64decode(reply.fields[name]))


@pytest.mark.parametrize("make", [posted_request, posted_response, soap_request, soap_response])
@pytest.mark.parametrize("form", list(SubjectForm), ids=str)
def test_logout(
    house: House, key: rsa.RSAPrivateKey, form: SubjectForm, make: Callable[..., etree._Element]
) -> None:
    endpoints = ((POST, "https://sp.example/slo?tenant=1"), (SOAP, "https://sp.example/soap"))
    partner = house.add_metadata(metadata(Sp(key), *endpoints))
    subject: dict[str, Any] = {"subject": Subject(value="ada", form=form)}
    root = make(house, partner, house.participant(partner, **subject)[0])
    check(house, root, root.tag)
