"""AuthnRequests: what is understood, what is answered with a denial, what ends on our own page."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.core.errors import BadMessage, Reason
from idp.core.model import Strength, SubjectForm
from idp.saml.contexts import MULTIPLE_AUTHN, PASSWORD_PROTECTED, REFEDS_MFA
from tests.saml.asking import arrive, context, refuse
from tests.saml.house import House
from tests.saml.sp import ARTIFACT, ENCRYPTED_ID, POST, REDIRECT, Sp, authn_request, posted, query

EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"


# What is understood ------------------------------------------------------------------------------
def test_a_plain_request_says_who_asks_and_where_the_answer_goes(open_house: House) -> None:
    arrival = arrive(open_house, ID="_abc", relay_state="back to /reports?a=1&b=2")
    assert arrival.denied is None
    request = arrival.request
    assert (request.door, request.partner, request.issuer) == (
        "saml",
        "https-sp-example-metadata",
        "default",
    )
    assert request.reply_to == "https://sp.example/acs"
    assert (request.force, request.silent, request.strength) == (False, False, None)
    assert (request.subject, request.subject_qualifier) == (
        SubjectForm.PAIRWISE,
        "https://sp.example/metadata",
    )
    assert request.echo == {"id": "_abc", "relay_state": "back to /reports?a=1&b=2"}


def test_the_post_binding_is_understood_too(open_house: House) -> None:
    form = posted(authn_request(open_house.clock.now(), ID="_abc"), RelayState="")
    request = open_house.inbound.by_post(form).request
    assert request.echo == {"id": "_abc", "relay_state": ""}


@pytest.mark.parametrize(("value", "said"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_case_25_force_and_passive_are_passed_on(open_house: House, value: str, said: bool) -> None:
    assert arrive(open_house, ForceAuthn=value).request.force is said
    assert arrive(open_house, IsPassive=value).request.silent is said


def test_an_issuer_in_lines_of_its_own_is_the_same_issuer(open_house: House) -> None:
    assert arrive(open_house, issuer="\n   https://sp.example/metadata\n  ").request


@pytest.mark.parametrize(
    ("wanted", "usable", "form"),
    [
        (None, (), SubjectForm.PAIRWISE),
        (UNSPECIFIED, (), SubjectForm.PAIRWISE),
        (UNSPECIFIED, (UNSPECIFIED, EMAIL, TRANSIENT), SubjectForm.EMAIL),
        (None, (TRANSIENT,), SubjectForm.TRANSIENT),
        (PERSISTENT, (TRANSIENT,), SubjectForm.PAIRWISE),
        (TRANSIENT, (), SubjectForm.TRANSIENT),
        (EMAIL, (), SubjectForm.EMAIL),
    ],
)
def test_the_name_id_format_asked_for(
    house: House, key: rsa.RSAPrivateKey, wanted: str | None, usable: tuple[str, ...], form: SubjectForm
) -> None:
    house.add(Sp(key, formats=usable))
    policy = (
        f'<samlp:NameIDPolicy Format="{wanted}" AllowCreate="false"/>' if wanted else "<samlp:NameIDPolicy/>"
    )
    assert arrive(house, inner=policy).request.subject is form


@pytest.mark.parametrize(
    "policy",
    [
        'Format="urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"',
        'Format="urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"',
        'Format="urn:made:up"',
        f'Format="{PERSISTENT}" SPNameQualifier="https://other.example"',
    ],
)
def test_a_name_id_we_do_not_have_is_denied_at_the_partner(open_house: House, policy: str) -> None:
    arrival = arrive(open_house, inner=f"<samlp:NameIDPolicy {policy}/>")
    assert arrival.denied is not None
    assert arrival.denied.reason is Reason.SUBJECT
    assert arrival.request.reply_to == "https://sp.example/acs"


def test_the_own_qualifier_may_be_named(open_house: House) -> None:
    own = f'<samlp:NameIDPolicy Format="{PERSISTENT}" SPNameQualifier="https://sp.example/metadata"/>'
    assert arrive(open_house, inner=own).denied is None


def test_a_strong_context_raises_the_demand(open_house: House) -> None:
    request = arrive(open_house, inner=context("exact", MULTIPLE_AUTHN)).request
    assert request.strength is Strength.TWO
    assert request.echo["contexts"] == MULTIPLE_AUTHN


def test_case_24_a_weak_context_demands_no_more_than_itself_and_policy_decides(open_house: House) -> None:
    # `decide` takes the strongest of this and the rules: see tests/policy.
    assert arrive(open_house, inner=context("exact", PASSWORD_PROTECTED)).request.strength is Strength.ONE
    assert arrive(open_house, inner=context("maximum", PASSWORD_PROTECTED)).request.strength is None


@pytest.mark.parametrize(
    "inner",
    [
        context("exact", "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"),
        context("better", REFEDS_MFA),
        (
            "<samlp:RequestedAuthnContext><saml:AuthnContextDeclRef>urn:x</saml:AuthnContextDeclRef>"
            "</samlp:RequestedAuthnContext>"
        ),
    ],
)
def test_a_context_that_nothing_satisfies_is_denied_at_the_partner(open_house: House, inner: str) -> None:
    arrival = arrive(open_house, inner=inner)
    assert arrival.denied is not None
    assert arrival.denied.reason is Reason.CONTEXT


def test_a_subject_is_a_hint_and_comes_back_to_be_compared(open_house: House) -> None:
    named = f'<saml:Subject><saml:NameID Format="{EMAIL}"> ada@example.com </saml:NameID></saml:Subject>'
    request = arrive(open_house, inner=named).request
    assert (request.hint, request.echo["subject"]) == ("ada@example.com", "ada@example.com")
    opaque = f'<saml:Subject><saml:NameID Format="{PERSISTENT}">pairwise-1</saml:NameID></saml:Subject>'
    request = arrive(open_house, inner=opaque).request
    assert (request.hint, request.echo["subject"]) == ("", "pairwise-1")


@pytest.mark.parametrize(
    "subject",
    [
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"/>',
        "<saml:NameID/>",
        f"<saml:NameID>{'x' * 257}</saml:NameID>",
        ENCRYPTED_ID,
    ],
)
def test_a_subject_that_cannot_be_compared_is_denied(open_house: House, subject: str) -> None:
    arrival = arrive(open_house, inner=f"<saml:Subject>{subject}</saml:Subject>")
    assert arrival.denied is not None
    assert arrival.denied.reason is Reason.OTHER_PERSON


def test_scoping_conditions_and_extensions_change_nothing(open_house: House) -> None:
    inner = (
        '<samlp:Extensions><x:y xmlns:x="urn:x">z</x:y></samlp:Extensions>'
        "<saml:Conditions/>"
        '<samlp:Scoping ProxyCount="0"/>'
    )
    assert arrive(open_house, inner=inner, ProviderName="Your bank").denied is None


# Where the answer goes ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ({"AssertionConsumerServiceURL": "https://sp.example/acs"}, "https://sp.example/acs"),
        (
            {"AssertionConsumerServiceURL": "https://sp.example/second?tenant=1"},
            "https://sp.example/second?tenant=1",
        ),
        ({"AssertionConsumerServiceIndex": "1"}, "https://sp.example/second?tenant=1"),
        ({"AssertionConsumerServiceIndex": "0"}, "https://sp.example/acs"),
        (
            {"AssertionConsumerServiceURL": "https://sp.example/acs", "ProtocolBinding": POST},
            "https://sp.example/acs",
        ),
        ({"ProtocolBinding": POST}, "https://sp.example/acs"),
        (
            {"AssertionConsumerServiceURL": "https://sp.example/acs", "AssertionConsumerServiceIndex": "0"},
            "https://sp.example/acs",
        ),
    ],
)
def test_case_17b_every_registered_acs_works(open_house: House, asked: dict[str, str], location: str) -> None:
    assert arrive(open_house, **asked).request.reply_to == location


@pytest.mark.parametrize(
    "asked",
    [
        {"AssertionConsumerServiceURL": "https://evil.example/acs"},
        {"AssertionConsumerServiceURL": "https://sp.example.evil.example/acs"},
        {"AssertionConsumerServiceURL": "http://sp.example/acs"},
        {"AssertionConsumerServiceURL": "https://SP.example/acs"},
        {"AssertionConsumerServiceURL": "https://sp.example/ACS"},
        {"AssertionConsumerServiceURL": "https://sp.example:443/acs"},
        {"AssertionConsumerServiceURL": "https://sp.example:8443/acs"},
        {"AssertionConsumerServiceURL": "https://sp.example/acs/"},
        {"AssertionConsumerServiceURL": "https://sp.example/acs?x=1"},
        {"AssertionConsumerServiceURL": "https://sp.example/acs#x"},
        {"AssertionConsumerServiceURL": "https://sp.example/x/../acs"},
        {"AssertionConsumerServiceURL": "javascript:alert(1)"},
        {"AssertionConsumerServiceURL": ""},
        {"AssertionConsumerServiceURL": "https://sp.example/artifact"},
        {"AssertionConsumerServiceURL": "https://sp.example/acs", "ProtocolBinding": ARTIFACT},
        {"AssertionConsumerServiceURL": "https://sp.example/acs", "ProtocolBinding": REDIRECT},
        {"AssertionConsumerServiceURL": "https://sp.example/acs", "AssertionConsumerServiceIndex": "1"},
        {"AssertionConsumerServiceIndex": "2"},
        {"AssertionConsumerServiceIndex": "3"},
        {"AssertionConsumerServiceIndex": "65535"},
        {"AssertionConsumerServiceIndex": "65536"},
        {"AssertionConsumerServiceIndex": "-1"},
    ],
)
def test_case_17_a_foreign_acs_ends_on_our_own_page(open_house: House, asked: dict[str, str]) -> None:
    refuse(open_house, **asked)


# Who asks ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("issuer", ["https://unknown.example", "HTTPS://SP.EXAMPLE/METADATA", "", "x" * 2000])
def test_an_unknown_partner_ends_on_our_own_page(open_house: House, issuer: str) -> None:
    refuse(open_house, issuer=issuer)


def test_a_request_without_issuer_ends_on_our_own_page(open_house: House) -> None:
    xml = re.sub("<saml:Issuer>.*</saml:Issuer>", "", authn_request(open_house.clock.now()))
    with pytest.raises(BadMessage):
        open_house.inbound.by_redirect(query(xml))


def test_case_22_a_partner_that_is_switched_off_is_refused(house: House, sp: Sp) -> None:
    partner = house.add(sp)
    assert arrive(house)
    house.save(
        type(partner)(**{**{name: getattr(partner, name) for name in partner.__slots__}, "enabled": False})
    )
    assert "disabled" in refuse(house)
