"""Which key and which algorithms answers are encrypted with, by what metadata says and who chose what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from idp.core.codec import build, plain
from idp.core.errors import Refused
from idp.partners.encryption import recipient
from idp.partners.saml import AttributeSet, Encrypt, SamlSettings, Tolerated, Weak
from tests.partners.test_metadata import ACS, certificate, entity, reading

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
XENC, XENC11 = "http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2009/xmlenc11#"
GCM, CBC, TRIPLE = f"{XENC11}aes256-gcm", f"{XENC}aes256-cbc", f"{XENC}tripledes-cbc"
OAEP, OAEP11, OLD = f"{XENC}rsa-oaep-mgf1p", f"{XENC11}rsa-oaep", f"{XENC}rsa-1_5"
SHA256 = f"{XENC}sha256"
SECOND = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def method(uri: str, inner: str = "") -> str:
    return f'<md:EncryptionMethod Algorithm="{uri}">{inner}</md:EncryptionMethod>'


def key(*methods: str, use: str = 'use="encryption"', text: str = "") -> str:
    return (
        f'<md:KeyDescriptor {use}><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        f"<ds:X509Certificate>{text or certificate()}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        f"{''.join(methods)}</md:KeyDescriptor>"
    )


def settings(*keys: str, encrypt: Encrypt = Encrypt.AUTO, cbc_until: datetime | None = None) -> SamlSettings:
    tolerated = (Tolerated(what=Weak.CBC, until=cbc_until),) if cbc_until else ()
    read = reading(entity("".join(keys) + ACS)).settings
    return replace(read, encrypt=encrypt, tolerated=tolerated)


def chosen(given: SamlSettings) -> tuple[str, str, str, str] | None:
    found = recipient(given, now=NOW)
    return None if found is None else (found.content, found.transport, found.digest, found.mask)


DIGEST = f'<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="{SHA256}"/>'
MGF = f'<x:MGF xmlns:x="{XENC11}" Algorithm="{XENC11}mgf1sha256"/>'
SHA1, MGF1 = "http://www.w3.org/2000/09/xmldsig#sha1", f"{XENC11}mgf1sha1"


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ([], (GCM, OAEP, SHA1, MGF1)),
        ([GCM], (GCM, OAEP, SHA1, MGF1)),
        ([CBC, TRIPLE, f"{XENC11}aes128-gcm"], (f"{XENC11}aes128-gcm", OAEP, SHA1, MGF1)),
        ([f"{XENC11}aes128-gcm", GCM], (GCM, OAEP, SHA1, MGF1)),
        ([OAEP11, OAEP], (GCM, OAEP11, SHA1, MGF1)),
        ([OLD, OAEP], (GCM, OAEP, SHA1, MGF1)),
        ([CBC, OAEP], None),
        ([TRIPLE], None),
        ([GCM, OLD], None),
    ],
)
def test_methods_are_honoured_and_what_is_unsafe_is_not_used(
    methods: list[str], expected: tuple[str, ...] | None
) -> None:
    assert chosen(settings(key(*map(method, methods)))) == expected


def test_oaep_goes_by_the_digest_and_mask_that_are_named() -> None:
    assert chosen(settings(key(method(OAEP11, DIGEST + MGF)))) == (GCM, OAEP11, SHA256, f"{XENC11}mgf1sha256")
    assert chosen(settings(key(method(OAEP, DIGEST)))) == (GCM, OAEP, SHA256, MGF1)
    strange = method(OAEP, DIGEST.replace(SHA256, "urn:new"))
    assert chosen(settings(key(strange))) is None
    assert chosen(settings(key(strange, method(OAEP11)))) == (GCM, OAEP11, SHA1, MGF1)


def test_by_itself_only_a_key_that_says_it_is_for_encryption_is_used() -> None:
    both = key(use="")
    assert chosen(settings(both)) is None
    assert chosen(settings(both, encrypt=Encrypt.ALWAYS)) is not None
    assert chosen(settings(key(), encrypt=Encrypt.NEVER)) is None


def test_of_several_keys_the_first_usable_one_that_is_declared() -> None:
    second = certificate(SECOND)
    found = recipient(
        settings(key(use=""), key(method(TRIPLE)), key(text=second), encrypt=Encrypt.ALWAYS), now=NOW
    )
    assert found is not None
    assert "".join(found.certificate.splitlines()[1:-1]) == second


def test_without_a_usable_key_what_must_be_encrypted_is_not_sent() -> None:
    elliptic = key(text=certificate(ec.generate_private_key(ec.SECP256R1())))
    for keys in ([], [key(use='use="signing"')], [key(method(CBC))], [elliptic]):
        with pytest.raises(Refused):
            recipient(settings(*keys, encrypt=Encrypt.ALWAYS), now=NOW)


def test_a_key_too_short_to_wrap_with_is_no_usable_key() -> None:
    short = certificate(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 - too short on purpose
    sha512 = DIGEST.replace(SHA256, f"{XENC}sha512")
    assert chosen(settings(key(text=short))) is not None
    assert chosen(settings(key(method(OAEP, sha512), text=short))) is None
    assert chosen(settings(key(method(OAEP, sha512)))) == (GCM, OAEP, f"{XENC}sha512", MGF1)
    with pytest.raises(Refused):
        recipient(settings(key(method(OAEP, sha512), text=short), encrypt=Encrypt.ALWAYS), now=NOW)


@pytest.mark.parametrize(
    ("bits", "exponent"), [(16_400, 65537), (4096, 2**70 + 1)], ids=["modulus", "exponent"]
)
def test_a_key_too_large_to_wrap_with_is_no_usable_key(bits: int, exponent: int) -> None:
    # Anybody can write such a key into metadata: no answer may end in an internal error for it.
    large = certificate(public=rsa.RSAPublicNumbers(exponent, 2 ** (bits - 1) + 1).public_key())
    assert chosen(settings(key(text=large))) is None
    assert chosen(settings(key(text=large), key())) is not None
    with pytest.raises(Refused):
        recipient(settings(key(text=large), encrypt=Encrypt.ALWAYS), now=NOW)


def test_cbc_is_used_only_where_it_was_allowed_and_until_then() -> None:
    tomorrow = NOW + timedelta(days=1)
    assert chosen(settings(key(), cbc_until=tomorrow)) == (CBC, OAEP, SHA1, MGF1)
    assert chosen(settings(key(method(CBC), method(GCM)), cbc_until=tomorrow)) == (GCM, OAEP, SHA1, MGF1)
    assert chosen(settings(key(method(CBC)), cbc_until=tomorrow)) == (CBC, OAEP, SHA1, MGF1)
    assert chosen(settings(key(method(CBC)), cbc_until=NOW)) is None
    assert chosen(settings(key(method(TRIPLE)), cbc_until=tomorrow)) is None


def test_an_administrator_is_told_of_a_key_that_cannot_be_used() -> None:
    (problem,) = reading(entity(key(method(CBC)) + ACS)).problems
    assert "not encrypted" in problem
    assert reading(entity(key() + ACS)).problems == ()


def test_metadata_with_methods_keeps_to_the_schema() -> None:
    found = reading(entity(key(method(GCM), method(OAEP11, DIGEST + MGF)) + ACS))
    assert found.problems == ()
    assert build(SamlSettings, plain(found.settings)) == found.settings


def test_attribute_sets_are_read() -> None:
    service = (
        '<md:AttributeConsumingService index="3" isDefault="true"><md:ServiceName xml:lang="en">S'
        '</md:ServiceName><md:RequestedAttribute Name="urn:oid:0.9.2342.19200300.100.1.3" isRequired="1"/>'
        '<md:RequestedAttribute Name="urn:oid:2.5.4.42"/><md:RequestedAttribute Name="urn:oid:2.5.4.42"/>'
        "</md:AttributeConsumingService>"
    )
    mail, given = "urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:2.5.4.42"
    assert reading(entity(ACS + service)).settings.attribute_sets == (
        AttributeSet(index=3, wanted=(mail, given), required=(mail,), is_default=True),
    )
