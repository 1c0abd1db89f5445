"""AuthnRequests: what is understood, what is answered with a denial, what ends on our own page."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from idp.core.errors import BadMessage, Reason
from idp.core.model import Strength, SubjectForm
from idp.saml.contexts import MULTIPLE_AUTHN, PASSWORD_PROTECTED, REFEDS_MFA
from idp.saml.gate import LONGEST_RELAY_STATE
from idp.saml.inbound import Arrival
from tests.saml.house import House
from tests.saml.sp import ARTIFACT, POST, REDIRECT, Sp, authn_request, posted, query, signed

EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
THREE_ACS = (
    (0, "https://sp.example/acs", POST),
    (1, "https://sp.example/second?tenant=1", POST),
    (2, "https://sp.example/artifact", ARTIFACT),
)


@pytest.fixture
def sp(key: rsa.RSAPrivateKey) -> Sp:
    return Sp(key, acs=THREE_ACS)


@pytest.fixture
def open_house(house: House, sp: Sp) -> House:
    """Return the room with a partner whose requests need no signature."""
    house.add(sp)
    return house


def arrive(house: House, *, relay_state: str | None = None, **changed: Any) -> Arrival:
    return house.inbound.by_redirect(
        query(authn_request(house.clock.now(), **changed), relay_state=relay_state)
    )


def refuse(house: House, **changed: Any) -> str:
    with pytest.raises(BadMessage) as caught:
        arrive(house, **changed)
    return caught.value.detail


# What is understood ------------------------------------------------------------------------------
def test_a_plain_request_says_who_asks_and_where_the_answer_goes(open_house: House) -> None:
    arrival = arrive(open_house, ID="_abc", relay_state="back to /reports?a=1&b=2")
    assert arrival.denied is None
    request = arrival.request
    assert (request.door, request.partner, request.issuer) == (
        "saml",
        "id-of-https://sp.example/metadata",
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


def context(comparison: str, *classes: str) -> str:
    refs = "".join(f"<saml:AuthnContextClassRef>{uri}</saml:AuthnContextClassRef>" for uri in classes)
    return f'<samlp:RequestedAuthnContext Comparison="{comparison}">{refs}</samlp:RequestedAuthnContext>'


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


# Signatures --------------------------------------------------------------------------------------
@pytest.fixture
def strict_house(house: House, key: rsa.RSAPrivateKey) -> House:
    """Return the room with a partner that says it signs its requests."""
    house.add(Sp(key, requests_signed=True))
    return house


def test_signed_requests_are_accepted_by_both_bindings(strict_house: House, key: rsa.RSAPrivateKey) -> None:
    now = strict_house.clock.now()
    assert strict_house.inbound.by_redirect(query(authn_request(now), key=key, relay_state="x")).request
    assert strict_house.inbound.by_post(posted(signed(authn_request(now), Sp(key)))).request


def test_a_signed_request_is_read_from_what_was_signed(strict_house: House, key: rsa.RSAPrivateKey) -> None:
    xml = signed(
        authn_request(strict_house.clock.now(), ForceAuthn="1", inner=context("exact", REFEDS_MFA)), Sp(key)
    )
    request = strict_house.inbound.by_post(posted(xml)).request
    assert (request.force, request.strength) == (True, Strength.TWO)


def test_case_15_elliptic_signatures_are_accepted(house: House, ec_key: ec.EllipticCurvePrivateKey) -> None:
    sp = Sp(ec_key, requests_signed=True)
    house.add(sp)
    now = house.clock.now()
    assert house.inbound.by_redirect(query(authn_request(now), key=ec_key)).request
    assert house.inbound.by_post(posted(signed(authn_request(now), sp))).request


def test_case_08_a_stripped_signature_is_refused(strict_house: House, key: rsa.RSAPrivateKey) -> None:
    now = strict_house.clock.now()
    full = query(authn_request(now), key=key)
    for raw in (
        full.partition("&SigAlg")[0],
        full.partition("&Signature")[0],
        re.sub("&SigAlg=[^&]*", "", full),
        re.sub("&Signature=.*", "&Signature=", full),
    ):
        with pytest.raises(BadMessage):
            strict_house.inbound.by_redirect(raw)
    with pytest.raises(BadMessage):
        strict_house.inbound.by_post(posted(authn_request(now)))
    stripped = re.sub(b"<ds:Signature .*</ds:Signature>", b"", signed(authn_request(now), Sp(key)))
    assert b"Signature" not in stripped
    with pytest.raises(BadMessage):
        strict_house.inbound.by_post(posted(stripped))


def test_a_wrong_signature_is_refused_even_where_none_is_asked_for(
    open_house: House, other_key: rsa.RSAPrivateKey
) -> None:
    now = open_house.clock.now()
    with pytest.raises(BadMessage):
        open_house.inbound.by_redirect(query(authn_request(now), key=other_key))
    with pytest.raises(BadMessage):
        open_house.inbound.by_post(posted(signed(authn_request(now), Sp(other_key))))


def test_case_08_without_a_certificate_on_record_a_signature_is_refused(
    house: House, key: rsa.RSAPrivateKey
) -> None:
    sp = Sp(key, with_certificate=False)
    house.add(sp)
    now = house.clock.now()
    assert house.inbound.by_redirect(query(authn_request(now))).request
    with pytest.raises(BadMessage, match="no certificate"):
        house.inbound.by_redirect(query(authn_request(now), key=key))
    with pytest.raises(BadMessage, match="no certificate"):
        house.inbound.by_post(posted(signed(authn_request(now), sp)))


def test_case_23_a_key_without_use_checks_signatures(
    strict_house: House, other_key: rsa.RSAPrivateKey
) -> None:
    with pytest.raises(BadMessage):
        strict_house.inbound.by_redirect(query(authn_request(strict_house.clock.now()), key=other_key))


def test_case_09_a_key_in_the_message_is_not_used(strict_house: House, other_key: rsa.RSAPrivateKey) -> None:
    # `signed` writes the signer's certificate into KeyInfo.
    with pytest.raises(BadMessage):
        strict_house.inbound.by_post(posted(signed(authn_request(strict_house.clock.now()), Sp(other_key))))


def test_another_partners_key_signs_nothing(
    strict_house: House, key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    strict_house.add(Sp(other_key, entity_id="https://other.example", requests_signed=True))
    now = strict_house.clock.now()
    with pytest.raises(BadMessage):
        strict_house.inbound.by_redirect(query(authn_request(now), key=other_key))
    with pytest.raises(BadMessage):
        strict_house.inbound.by_redirect(query(authn_request(now, issuer="https://other.example"), key=key))


def wrappings(genuine: bytes, forged: str) -> dict[str, str]:
    """Return documents in which a genuine signed request hides behind or beside a forged one."""
    original = genuine.decode()
    signature = re.search("<ds:Signature .*</ds:Signature>", original)
    assert signature is not None
    bare = original.replace(signature[0], "")
    extensions = "<samlp:Extensions>{}</samlp:Extensions>"
    object_ = signature[0].replace("</ds:Signature>", f"<ds:Object>{bare}</ds:Object></ds:Signature>")
    after_issuer = "</saml:Issuer>"
    return {
        "original in extensions": forged.replace(after_issuer, after_issuer + extensions.format(original), 1),
        "signature outside, original in extensions": forged.replace(
            after_issuer, after_issuer + signature[0] + extensions.format(bare), 1
        ),
        "original in the signature's object": forged.replace(after_issuer, after_issuer + object_, 1),
        "forged first, in the genuine one": original.replace(after_issuer, after_issuer + forged, 1),
        "two signatures": original.replace(signature[0], signature[0] * 2),
        "original as sibling": f"<x>{original}{forged}</x>",
    }


@pytest.mark.parametrize("same_id", [True, False])
@pytest.mark.parametrize("number", range(6))
def test_case_06_signature_wrapping_is_refused(
    strict_house: House, key: rsa.RSAPrivateKey, number: int, same_id: bool
) -> None:
    now = strict_house.clock.now()
    genuine = signed(authn_request(now, ID="_genuine"), Sp(key))
    forged = authn_request(now, ID="_genuine" if same_id else "_forged", ForceAuthn="false")
    wrapped = list(wrappings(genuine, forged).values())[number]
    with pytest.raises(BadMessage):
        strict_house.inbound.by_post(posted(wrapped))
    assert strict_house.inbound.by_post(posted(genuine)).request.echo["id"] == "_genuine"


@pytest.mark.parametrize(
    "algorithm",
    [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "",
    ],
)
def test_case_26_weak_algorithms_are_refused(
    strict_house: House, key: rsa.RSAPrivateKey, algorithm: str
) -> None:
    raw = query(authn_request(strict_house.clock.now()), key=key, sig_alg=algorithm or " ")
    with pytest.raises(BadMessage):
        strict_house.inbound.by_redirect(raw)


# Meant for us, and fresh -------------------------------------------------------------------------
@pytest.mark.parametrize(
    "destination",
    ["https://other.example/saml/sso", "https://id.example/saml/slo", "http://id.example/saml/sso", "", "x"],
)
def test_another_destination_is_refused(open_house: House, destination: str) -> None:
    assert "Destination" in refuse(open_house, Destination=destination)


def test_only_unsigned_requests_may_leave_out_the_destination(
    open_house: House, sp: Sp, key: rsa.RSAPrivateKey
) -> None:
    now = open_house.clock.now()
    assert arrive(open_house, Destination=None).request
    for attempt in (
        lambda: open_house.inbound.by_redirect(query(authn_request(now, Destination=None), key=key)),
        lambda: open_house.inbound.by_post(posted(signed(authn_request(now, Destination=None), sp))),
    ):
        with pytest.raises(BadMessage, match="Destination"):
            attempt()


@pytest.mark.parametrize("minutes", [-5.1, 5.1, -4 * 24 * 60, 365 * 24 * 60])
def test_case_20_a_request_of_another_time_is_refused(open_house: House, minutes: float) -> None:
    at = open_house.clock.now() + timedelta(minutes=minutes)
    assert "IssueInstant" in refuse(open_house, IssueInstant=f"{at:%Y-%m-%dT%H:%M:%SZ}")


@pytest.mark.parametrize(
    "instant",
    [
        "2026-03-01T11:55:01Z",
        "2026-03-01T12:04:59Z",
        "2026-03-01T12:00:00.123456789Z",
        "2026-03-01T12:00:00",
        "2026-03-01T14:00:00+02:00",
    ],
)
def test_every_way_to_write_the_present_is_accepted(open_house: House, instant: str) -> None:
    assert arrive(open_house, IssueInstant=instant).request


@pytest.mark.parametrize(
    "instant",
    ["", "now", "2026-03-01", "-2026-03-01T12:00:00Z", "2026-03-01T24:00:00Z", "99999-03-01T12:00:00Z"],
)
def test_unreadable_times_are_refused(open_house: House, instant: str) -> None:
    refuse(open_house, IssueInstant=instant)


def test_a_partner_with_a_wrong_clock_can_be_allowed_for(house: House, sp: Sp) -> None:
    house.add(sp, clock_skew=120)
    assert arrive(house, IssueInstant="2026-03-01T11:53:30Z").request
    refuse(house, IssueInstant="2026-03-01T11:52:30Z")


def test_case_20_the_same_request_twice_is_refused(open_house: House) -> None:
    arrive(open_house, ID="_once")
    assert "seen before" in refuse(open_house, ID="_once")
    with pytest.raises(BadMessage):
        open_house.inbound.by_post(posted(authn_request(open_house.clock.now(), ID="_once")))
    assert arrive(open_house, ID="_another").request


def test_an_id_is_not_used_up_by_somebody_elses_bad_copy(
    strict_house: House, key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    xml = authn_request(strict_house.clock.now(), ID="_mine")
    with pytest.raises(BadMessage):
        strict_house.inbound.by_redirect(query(xml, key=other_key))
    assert strict_house.inbound.by_redirect(query(xml, key=key)).request


def test_two_partners_may_choose_the_same_id(open_house: House, other_key: rsa.RSAPrivateKey) -> None:
    open_house.add(Sp(other_key, entity_id="https://other.example"))
    arrive(open_house, ID="_same")
    assert arrive(open_house, ID="_same", issuer="https://other.example").request


# Forms -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "changed",
    [
        {"Version": "1.1"},
        {"Version": None},
        {"ID": None},
        {"ID": "1starts-with-a-digit"},
        {"ID": "x" * 257},
        {"IssueInstant": None},
        {"ForceAuthn": "perhaps"},
        {"inner": "<samlp:Unknown/>"},
        {"inner": context("stronger", REFEDS_MFA)},
        {"inner": "text"},
    ],
)
def test_what_the_schema_or_the_protocol_forbids_is_refused(
    open_house: House, changed: dict[str, Any]
) -> None:
    refuse(open_house, **changed)


@pytest.mark.parametrize(
    "inner",
    [
        "<!-- a comment -->",
        "<?processing instruction?>",
    ],
)
def test_case_13_comments_and_instructions_are_refused(open_house: House, inner: str) -> None:
    refuse(open_house, inner=inner)
    refuse(open_house, issuer=f"https://sp.example/metadata{inner}.evil.example")


def test_case_13_elements_inside_text_are_refused(open_house: House) -> None:
    refuse(open_house, issuer="https://sp.example/metadata<x/>.evil.example")
    refuse(open_house, inner="<saml:Subject><saml:NameID>ada<x>@</x>example.com</saml:NameID></saml:Subject>")


def test_case_05_a_doctype_is_refused(open_house: House) -> None:
    xml = '<!DOCTYPE x [<!ENTITY e "v">]>' + authn_request(open_house.clock.now())
    for attempt in (
        lambda: open_house.inbound.by_redirect(query(xml)),
        lambda: open_house.inbound.by_post(posted(xml)),
    ):
        with pytest.raises(BadMessage):
            attempt()


def test_relay_state_is_bounded(open_house: House) -> None:
    assert arrive(open_house, relay_state="x" * LONGEST_RELAY_STATE).request
    assert "RelayState" in refuse(open_house, relay_state="x" * (LONGEST_RELAY_STATE + 1))
    assert "RelayState" in refuse(open_house, relay_state="é" * LONGEST_RELAY_STATE)


def test_case_16_what_looks_like_our_answer_stays_text(open_house: House) -> None:
    state = "x&SAMLResponse=evil"
    assert arrive(open_house, relay_state=state).request.echo["relay_state"] == state


@pytest.mark.parametrize("name", ["SAMLResponse", "samlrequest", "Samlrequest"])
def test_case_14_another_parameter_name_is_refused(open_house: House, name: str) -> None:
    with pytest.raises(BadMessage):
        open_house.inbound.by_redirect(query(authn_request(open_house.clock.now()), name=name))
    with pytest.raises(BadMessage):
        open_house.inbound.by_post({name: posted(authn_request(open_house.clock.now()))["SAMLRequest"]})


def test_case_14_two_requests_in_one_query_are_refused(strict_house: House, key: rsa.RSAPrivateKey) -> None:
    now = strict_house.clock.now()
    good, evil = query(authn_request(now), key=key), query(authn_request(now, ForceAuthn="0"))
    for raw in (
        f"{evil}&{good}",
        f"{good}&{evil}",
        f"{good}&{evil.replace('SAMLRequest', '%53AMLRequest')}",
        f"{good}&{evil.replace('SAMLRequest', 'SAMLRequest[]')}",
        f"{good}&{evil.replace('SAMLRequest', ' SAMLRequest')}",
        f"{good}&{evil.replace('SAMLRequest', 'SAMLResponse')}",
    ):
        with pytest.raises(BadMessage):
            strict_house.inbound.by_redirect(raw)


def test_case_02_post_does_not_inflate(open_house: House) -> None:
    raw = query(authn_request(open_house.clock.now()))
    with pytest.raises(BadMessage):
        open_house.inbound.by_post({"SAMLRequest": base64.b64encode(raw.encode()).decode()})


def test_redirect_takes_no_plain_base64(open_house: House) -> None:
    plain = base64.b64encode(authn_request(open_house.clock.now()).encode()).decode()
    with pytest.raises(BadMessage):
        open_house.inbound.by_redirect(f"SAMLRequest={quote_plus(plain)}")


def test_another_message_at_this_address_is_refused(open_house: House) -> None:
    xml = authn_request(open_house.clock.now()).replace("AuthnRequest", "LogoutRequest")
    with pytest.raises(BadMessage):
        open_house.inbound.by_redirect(query(xml))
