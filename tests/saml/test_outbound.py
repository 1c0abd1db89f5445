"""What a Response says, that others can verify it, and that it never says more than is true."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from idp import signedxml
from idp.core.errors import BadMessage, Denied, Reason
from idp.core.model import Claim, Partner, SignInRequest, Strength, Subject, SubjectForm
from idp.saml import attributes, outbound
from idp.saml.contexts import MULTIPLE_AUTHN, PASSWORD_PROTECTED, REFEDS_MFA
from tests.saml.house import ENTITY, House, message_of
from tests.saml.sp import SAML, SAMLP, Sp, authn_request, query
from tests.signedxml.oracles import ORACLES
from tests.signedxml.samples import Kind

ACS = "https://sp.example/acs"
SP = "https://sp.example/metadata"
ASSERTION, RESPONSE = f"{{{SAML}}}Assertion", f"{{{SAMLP}}}Response"
NAMES = {"saml": SAML, "samlp": SAMLP, "ds": "http://www.w3.org/2000/09/xmldsig#"}
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:"


@pytest.fixture
def partner(house: House, key: rsa.RSAPrivateKey) -> Partner:
    return house.add(Sp(key))


def asking(house: House, **changed: Any) -> SignInRequest:
    raw = query(authn_request(house.clock.now(), ID="_asked", **changed), relay_state="keep me")
    arrival = house.inbound.by_redirect(raw)
    assert arrival.denied is None
    return arrival.request


def answer(house: House, request: SignInRequest, **changed: Any) -> etree._Element:
    return message_of(house.door.answer(house.grant(request, **changed)))


def one(element: etree._Element, path: str) -> etree._Element:
    found = element.findall(path, NAMES)
    assert len(found) == 1, f"{len(found)} of {path}"
    return found[0]


def certificate(house: House) -> str:
    return house.keys.signer("default", "RS256").certificate


# What it says ------------------------------------------------------------------------------------
def test_the_answer_is_posted_to_the_acs_with_the_relay_state(house: House, partner: Partner) -> None:
    reply = house.door.answer(house.grant(asking(house)))
    assert reply.address == ACS
    assert reply.fields is not None
    assert set(reply.fields) == {"SAMLResponse", "RelayState"}
    assert reply.fields["RelayState"] == "keep me"


def test_without_relay_state_none_is_posted(house: House, partner: Partner) -> None:
    request = house.inbound.by_redirect(query(authn_request(house.clock.now()))).request
    reply = house.door.answer(house.grant(request))
    assert reply.fields is not None
    assert set(reply.fields) == {"SAMLResponse"}


def test_the_response_says_who_whom_when_and_in_answer_to_what(house: House, partner: Partner) -> None:
    root = answer(house, asking(house))
    assert root.tag == RESPONSE
    assert dict(root.attrib) == {
        "ID": root.get("ID"),
        "Version": "2.0",
        "IssueInstant": "2026-03-01T12:00:00Z",
        "Destination": ACS,
        "InResponseTo": "_asked",
    }
    assert one(root, "saml:Issuer").text == ENTITY
    assert one(root, "samlp:Status/samlp:StatusCode").get("Value") == STATUS + "Success"
    assertion = one(root, "saml:Assertion")
    assert one(assertion, "saml:Issuer").text == ENTITY
    data = one(assertion, "saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData")
    assert dict(data.attrib) == {
        "InResponseTo": "_asked",
        "Recipient": ACS,
        "NotOnOrAfter": "2026-03-01T12:05:00Z",
    }
    conditions = one(assertion, "saml:Conditions")
    assert conditions.get("NotBefore") == "2026-03-01T11:59:30Z"
    assert conditions.get("NotOnOrAfter") == "2026-03-01T12:05:00Z"
    assert one(conditions, "saml:AudienceRestriction/saml:Audience").text == SP


def test_the_authentication_is_said_as_it_was(house: House, partner: Partner) -> None:
    statement = one(answer(house, asking(house)), "saml:Assertion/saml:AuthnStatement")
    assert dict(statement.attrib) == {
        "AuthnInstant": "2026-03-01T11:59:00Z",
        "SessionIndex": "i" + "0" * 40,
        "SessionNotOnOrAfter": "2026-03-01T20:00:00Z",
    }
    assert one(statement, "saml:AuthnContext/saml:AuthnContextClassRef").text == REFEDS_MFA


def test_every_answer_and_assertion_has_an_id_of_its_own(house: House, partner: Partner) -> None:
    ids = [
        element.get("ID")
        for _ in range(3)
        for element in answer(
            house, house.inbound.by_redirect(query(authn_request(house.clock.now()))).request
        ).iter()
        if element.get("ID")
    ]
    assert len(ids) == len(set(ids)) == 6


def test_a_partners_wrong_clock_is_allowed_for(house: House, key: rsa.RSAPrivateKey) -> None:
    house.add(Sp(key), clock_skew=120)
    conditions = one(answer(house, asking(house)), "saml:Assertion/saml:Conditions")
    assert conditions.get("NotBefore") == "2026-03-01T11:57:30Z"
    assert conditions.get("NotOnOrAfter") == "2026-03-01T12:07:00Z"


@pytest.mark.parametrize(
    ("form", "uri", "qualified"),
    [
        (SubjectForm.PAIRWISE, FORMAT + "persistent", True),
        (SubjectForm.TRANSIENT, FORMAT + "transient", True),
        (SubjectForm.EMAIL, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", False),
        (SubjectForm.PUBLIC, "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", False),
    ],
)
def test_the_subject_in_its_form(
    house: House, partner: Partner, form: SubjectForm, uri: str, qualified: bool
) -> None:
    root = answer(house, asking(house), subject=Subject(value="the value", form=form))
    name = one(root, "saml:Assertion/saml:Subject/saml:NameID")
    assert (name.text, name.get("Format")) == ("the value", uri)
    assert (name.get("NameQualifier"), name.get("SPNameQualifier")) == (
        (ENTITY, SP) if qualified else (None, None)
    )


# Attributes --------------------------------------------------------------------------------------
def said(house: House, *claims: tuple[str, str]) -> dict[tuple[str, str, str | None], list[str]]:
    root = answer(house, asking(house), claims=tuple(Claim(type=name, value=value) for name, value in claims))
    signedxml.validate(root)
    return {
        (attribute.get("Name", ""), attribute.get("NameFormat", ""), attribute.get("FriendlyName")): [
            value.text or "" for value in attribute
        ]
        for attribute in root.findall("saml:Assertion/saml:AttributeStatement/saml:Attribute", NAMES)
    }


def test_attributes_have_oid_names_and_friendly_names(house: House, partner: Partner) -> None:
    uri = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
    assert said(house, ("uid", "ada"), ("groups", "staff"), ("mail", "a@x"), ("groups", "math")) == {
        ("urn:oid:0.9.2342.19200300.100.1.1", uri, "uid"): ["ada"],
        ("urn:oid:1.3.6.1.4.1.5923.1.5.1.1", uri, "isMemberOf"): ["staff", "math"],
        ("urn:oid:0.9.2342.19200300.100.1.3", uri, "mail"): ["a@x"],
    }


def test_other_names_go_as_they_are(house: House, partner: Partner) -> None:
    claim = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
    assert said(house, (claim, "ada@x"), ("favouriteColour", "blue")) == {
        (claim, "urn:oasis:names:tc:SAML:2.0:attrname-format:uri", None): ["ada@x"],
        ("favouriteColour", "urn:oasis:names:tc:SAML:2.0:attrname-format:basic", None): ["blue"],
    }


def test_nothing_to_say_is_no_statement(house: House, partner: Partner) -> None:
    root = answer(house, asking(house), claims=(Claim(type="mail", value=""),))
    assert root.find("saml:Assertion/saml:AttributeStatement", NAMES) is None
    signedxml.validate(root)


@pytest.mark.parametrize("name", sorted(attributes._OIDS.keys() - {"department", "mobile"}))
def test_the_oids_are_those_that_pysaml2_knows(name: str) -> None:
    from saml2.attributemaps.saml_uri import MAP  # noqa: PLC0415  (a large table)

    assert MAP["to"][name] == f"urn:oid:{attributes._OIDS[name]}"


def test_case_18_markup_in_values_stays_text(house: House, partner: Partner) -> None:
    evil = "</saml:AttributeValue><script>alert(1)</script>&amp;<![CDATA["
    assert list(said(house, ("displayName", evil), ('x"y<z', evil)).values()) == [[evil], [evil]]


@pytest.mark.parametrize("value", ["a\x00b", "a\x0bb", "a\x1fb", "a\ufffeb", "a\ud800b"])
def test_characters_that_xml_cannot_hold_never_break_the_document(
    house: House, partner: Partner, value: str
) -> None:
    assert list(said(house, ("displayName", value)).values()) == [["a\ufffdb"]]
    with pytest.raises(Denied) as caught:
        answer(house, asking_again(house), subject=Subject(value=value, form=SubjectForm.EMAIL))
    assert caught.value.reason is Reason.SUBJECT


def asking_again(house: House) -> SignInRequest:
    return house.inbound.by_redirect(query(authn_request(house.clock.now()))).request


@given(value=st.text(min_size=1, max_size=40))
def test_any_text_can_be_said(value: str) -> None:
    assertion = etree.Element("assertion")
    attributes.statement(assertion, [Claim(type="displayName", value=value)])
    text = etree.fromstring(etree.tostring(assertion))[0][0][0].text or ""
    assert [a for a, b in zip(text, value, strict=True) if a not in (b, "\ufffd")] == []


# Signatures --------------------------------------------------------------------------------------
@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("sign_response", [False, True])
def test_other_verifiers_agree(
    house: House, key: rsa.RSAPrivateKey, sign_response: bool, oracle: str
) -> None:
    house.add(Sp(key), sign_response=sign_response)
    reply = house.door.answer(house.grant(asking(house)))
    assert reply.fields is not None
    xml = base64.b64decode(reply.fields["SAMLResponse"])
    for tag in (ASSERTION, RESPONSE)[: 1 + sign_response]:
        assert ORACLES[oracle](xml, Kind("ours", "", tag), certificate(house))


@pytest.mark.parametrize("sign_response", [False, True])
def test_our_own_gate_agrees_and_the_schema_holds(
    house: House, key: rsa.RSAPrivateKey, sign_response: bool
) -> None:
    house.add(Sp(key), sign_response=sign_response)
    root = answer(house, asking(house))
    signedxml.validate(root)
    for tag in (ASSERTION, RESPONSE)[: 1 + sign_response]:
        signedxml.verify(root, tag=tag, certificates=[certificate(house)])
    assert len(root.findall(".//ds:Signature", NAMES)) == 1 + sign_response


def test_an_answer_that_is_not_signed_does_not_leave(
    house: House, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound.signedxml, "sign", lambda *_, **__: None)
    with pytest.raises(RuntimeError):
        house.door.answer(house.grant(asking(house)))


# Only what is true -------------------------------------------------------------------------------
def context(comparison: str, uri: str) -> str:
    return (
        f'<samlp:RequestedAuthnContext Comparison="{comparison}">'
        f"<saml:AuthnContextClassRef>{uri}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
    )


@pytest.mark.parametrize("uri", [MULTIPLE_AUTHN, REFEDS_MFA, PASSWORD_PROTECTED])
def test_a_true_class_is_said_as_asked(house: House, partner: Partner, uri: str) -> None:
    root = answer(house, asking(house, inner=context("exact", uri)))
    assert one(root, ".//saml:AuthnContextClassRef").text == uri


def test_a_class_that_is_not_true_is_never_said(house: House, partner: Partner) -> None:
    request = asking(house, inner=context("exact", REFEDS_MFA))
    with pytest.raises(Denied) as caught:
        house.door.answer(house.grant(request, acr=Strength.ONE, amr=("pwd",)))
    assert caught.value.reason is Reason.CONTEXT


@pytest.mark.parametrize(
    ("named", "matches"),
    [
        ("pairwise-1", True),
        ("ADA@example.com", True),
        ("ada", True),
        ("Ada Lovelace", False),
        ("bob@example.com", False),
        ("PAIRWISE-1", False),
    ],
)
def test_the_answer_is_about_the_subject_asked_for_or_there_is_none(
    house: House, partner: Partner, named: str, matches: bool
) -> None:
    request = asking(house, inner=f"<saml:Subject><saml:NameID>{named}</saml:NameID></saml:Subject>")
    if matches:
        assert answer(house, request).find("saml:Assertion", NAMES) is not None
        return
    with pytest.raises(Denied) as caught:
        answer(house, request)
    assert caught.value.reason is Reason.OTHER_PERSON


def test_case_22_a_partner_that_was_switched_off_meanwhile_is_not_answered(
    house: House, partner: Partner
) -> None:
    request = asking(house)
    house.save(replace(partner, enabled=False))
    with pytest.raises(BadMessage):
        house.door.answer(house.grant(request))
    with pytest.raises(BadMessage):
        house.door.deny(request, Denied("No.", reason=Reason.ACCESS))


def test_case_17_an_address_that_left_the_metadata_is_not_answered(
    house: House, key: rsa.RSAPrivateKey
) -> None:
    house.add(Sp(key))
    request = asking(house)
    house.add(Sp(key, acs=((0, "https://sp.example/new", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"),)))
    with pytest.raises(BadMessage):
        house.door.answer(house.grant(request))


# No ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("reason", "top", "second"),
    [
        (Reason.LOGIN_REQUIRED, "Responder", "NoPassive"),
        (Reason.INTERACTION_REQUIRED, "Responder", "NoPassive"),
        (Reason.CONSENT_REQUIRED, "Responder", "NoPassive"),
        (Reason.ACCESS, "Responder", "RequestDenied"),
        (Reason.CONTEXT, "Responder", "NoAuthnContext"),
        (Reason.NO_METHOD, "Responder", "AuthnFailed"),
        (Reason.PERSON_DISABLED, "Responder", "RequestDenied"),
        (Reason.OTHER_PERSON, "Responder", "UnknownPrincipal"),
        (Reason.SUBJECT, "Requester", "InvalidNameIDPolicy"),
        (Reason.CANCELLED, "Responder", "AuthnFailed"),
        (Reason.TOO_MANY_ATTEMPTS, "Responder", "AuthnFailed"),
    ],
)
def test_a_denial_is_a_signed_response_without_assertion(
    house: House, partner: Partner, reason: Reason, top: str, second: str
) -> None:
    denied = Denied("There is <no> way.", reason=reason)
    reply = house.door.deny(asking(house), denied)
    assert (reply.address, reply.fields and reply.fields["RelayState"]) == (ACS, "keep me")
    root = message_of(reply)
    signedxml.validate(root)
    signedxml.verify(root, tag=RESPONSE, certificates=[certificate(house)])
    assert root.find("saml:Assertion", NAMES) is None
    assert root.get("InResponseTo") == "_asked"
    code = one(root, "samlp:Status/samlp:StatusCode")
    assert (code.get("Value"), code[0].get("Value")) == (STATUS + top, STATUS + second)
    message = one(root, "samlp:Status/samlp:StatusMessage").text or ""
    assert message == f"There is <no> way. (Reference {denied.reference})"


def test_every_reason_has_a_status() -> None:
    assert set(outbound._STATUS) == set(Reason)


def test_the_window_of_an_answer_is_short() -> None:
    assert timedelta(minutes=5) >= outbound.LASTS
