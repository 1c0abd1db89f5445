"""AuthnRequests that are signed: by whom, over what, and how."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import timedelta
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from idp.core.errors import BadMessage
from idp.core.model import Strength
from idp.partners.saml import Tolerated, Weak
from idp.saml.contexts import REFEDS_MFA
from tests.saml.asking import context
from tests.saml.house import House
from tests.saml.sp import Sp, authn_request, posted, query, signed, signed_by_sha1


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


SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"


def old_query(house: House, key: rsa.RSAPrivateKey) -> str:
    """Return a query signed with SHA-1."""
    octets = query(authn_request(house.clock.now())) + "&SigAlg=" + quote(SHA1, safe="")
    signature = key.sign(octets.encode(), PKCS1v15(), hashes.SHA1())  # noqa: S303
    return f"{octets}&Signature={quote(b64encode(signature).decode(), safe='')}"


def old_post(
    house: House, key: rsa.RSAPrivateKey, issuer: str = "https://sp.example/metadata"
) -> dict[str, str]:
    """Return a form signed with SHA-1."""
    return posted(signed_by_sha1(authn_request(house.clock.now(), issuer=issuer), Sp(key)))


def test_case_26_sha1_only_where_an_administrator_allowed_it_and_until_then(
    house: House, key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    sp = Sp(key, requests_signed=True)
    house.add(sp)
    for attempt in (
        lambda: house.inbound.by_redirect(old_query(house, key)),
        lambda: house.inbound.by_post(old_post(house, key)),
    ):
        with pytest.raises(BadMessage):
            attempt()
    allowed = (Tolerated(what=Weak.SHA1, until=house.clock.now() + timedelta(hours=1)),)
    house.add(sp, tolerated=allowed)
    assert house.inbound.by_redirect(old_query(house, key)).request
    assert house.inbound.by_post(old_post(house, key)).request
    # It is the algorithm that is allowed, not the key or the absence of a signature.
    with pytest.raises(BadMessage):
        house.inbound.by_redirect(old_query(house, other_key))
    with pytest.raises(BadMessage):
        house.inbound.by_redirect(query(authn_request(house.clock.now())))
    # And another partner's permission is not this one's.
    house.add(Sp(other_key, entity_id="https://other.example/metadata", requests_signed=True))
    with pytest.raises(BadMessage):
        house.inbound.by_post(old_post(house, other_key, "https://other.example/metadata"))
    house.clock.advance(hours=1)  # type: ignore[attr-defined]
    with pytest.raises(BadMessage):
        house.inbound.by_redirect(old_query(house, key))


def test_both_certificates_of_a_rollover_are_good(
    house: House, key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    old, new = Sp(key, requests_signed=True), Sp(other_key, requests_signed=True)
    descriptor = re.compile(rb"<md:KeyDescriptor>.*</md:KeyDescriptor>", re.DOTALL)
    (second,) = descriptor.findall(new.metadata())
    house.add_metadata(descriptor.sub(lambda found: found[0] + second, old.metadata()))
    for each in (old, new):
        now = house.clock.now()
        assert house.inbound.by_redirect(query(authn_request(now), key=each.key)).request
        assert house.inbound.by_post(posted(signed(authn_request(now), each))).request
    house.add(new)
    with pytest.raises(BadMessage):
        house.inbound.by_redirect(query(authn_request(house.clock.now()), key=key))
