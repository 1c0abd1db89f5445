"""Rows 8 and 9: no signature, no key, or a key from the message."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime

import pytest
from cryptography import x509
from lxml import etree

from idp.core.errors import BadMessage
from idp.signedxml import SIGNATURES, parse_message, verify
from idp.signedxml.names import DS, SIGNATURE
from tests.signedxml.changes import (
    MORE,
    add,
    nothing,
    set_attribute,
)
from tests.signedxml.keys import Key, certificate, ec_key, rsa_key
from tests.signedxml.samples import (
    REQUEST,
    canonical,
    find,
    gate,
    genuine,
    resigned,
)

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
    return resigned(genuine(), nothing, key=key)


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
        value = add(add(info, "KeyValue"), "RSAKeyValue")
        add(value, "Modulus", base64.b64encode(numbers.n.to_bytes(256, "big")).decode())
        add(value, "Exponent", "AQAB")

    with pytest.raises(BadMessage):
        gate(resigned(genuine(), change, key=stranger))


@pytest.mark.parametrize("form", ["pem", "der", "empty"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_case_09_certificate_as_hmac_key(form: str, digest: str) -> None:
    pem = certificate(rsa_key())
    secret = {"pem": pem.encode(), "der": base64.b64decode("".join(pem.splitlines()[1:-1])), "empty": b""}[
        form
    ]
    uri = f"{DS}hmac-sha1" if digest == "sha1" else f"{MORE}hmac-{digest}"
    root = etree.fromstring(genuine())
    find(root, "SignatureMethod").set("Algorithm", uri)
    octets = canonical(find(root, "SignedInfo"))
    find(root, "SignatureValue").text = base64.b64encode(hmac.digest(secret, octets, digest)).decode()
    with pytest.raises(BadMessage, match="algorithm"):
        gate(etree.tostring(root), allow=SIGNATURES | {uri})


def test_case_09_algorithm_of_another_family_than_the_key() -> None:
    data = resigned(genuine(), set_attribute("SignatureMethod", "Algorithm", f"{MORE}ecdsa-sha256"))
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
