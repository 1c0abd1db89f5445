"""Metadata as it was published: signatures, validity, one entity out of many; attack rows 9, 23."""

from __future__ import annotations

import base64
import hashlib
import resource
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from idp.core.errors import Refused
from idp.partners.documents import (
    LARGEST_AGGREGATE,
    Document,
    SeveralEntities,
    Signature,
    check_fingerprint,
    open_document,
)
from idp.partners.metadata import read_entity
from idp.signedxml import sign
from tests.saml.sp import MD, Sp

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIGNER = Sp(rsa.generate_private_key(public_exponent=65537, key_size=2048))
OTHER = Sp(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def pin(signer: Sp) -> str:
    return hashlib.sha256(signer.certificate.public_bytes(Encoding.DER)).hexdigest()


def base64_of(signer: Sp) -> bytes:
    return base64.b64encode(signer.certificate.public_bytes(Encoding.DER))


def entity(number: int = 0) -> str:
    sp = Sp(SIGNER.key, entity_id=f"https://sp{number}.example/m")
    return sp.metadata().decode()


def group(*entities: str, attributes: str = "") -> str:
    return f'<md:EntitiesDescriptor xmlns:md="{MD}" {attributes}>{"".join(entities)}</md:EntitiesDescriptor>'


def signed(text: str, signer: Sp = SIGNER) -> bytes:
    root = etree.fromstring(text)
    root.set("ID", "_root")
    sign(root, signer=signer.signer, alg="RS256")
    return etree.tostring(root)


def opened(data: bytes | str, **asked: str) -> Document:
    return open_document(data.encode() if isinstance(data, str) else data, now=NOW, **asked)  # type: ignore[arg-type]


def refused(data: bytes | str, **asked: str) -> str:
    with pytest.raises(Refused) as caught:
        opened(data, **asked)
    return caught.value.public


# Signature ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", [entity(), group(entity(0)), group(group(entity(0)))])
def test_a_signed_document_is_opened_with_the_right_fingerprint(text: str) -> None:
    document = opened(signed(text), signer=pin(SIGNER))
    assert document.signature is Signature.VERIFIED
    assert document.entity.get("entityID") == "https://sp0.example/m"
    assert read_entity(document, now=NOW).problems == ()


def test_without_a_fingerprint_a_signature_proves_nothing() -> None:
    document = opened(signed(entity()))
    assert document.signature is Signature.UNCHECKED
    assert "nothing says whose signature" in read_entity(document, now=NOW).problems[0]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(entity().encode(), "not signed with the certificate", id="unsigned"),
        pytest.param(signed(entity(), OTHER), "not signed with the certificate", id="by a stranger"),
        pytest.param(
            signed(entity()).replace(b"https://sp.example/acs", b"https://evil.example/acs"),
            "could not be verified",
            id="changed",
        ),
        # The right certificate in KeyInfo, over a stranger's signature.
        pytest.param(
            signed(entity(), OTHER).replace(base64_of(OTHER), base64_of(SIGNER)),
            "could not be verified",
            id="borrowed certificate",
        ),
        pytest.param(
            group(signed(entity()).decode(), entity(1)).encode(),
            "not signed with",
            id="only a part is signed",
        ),
    ],
)
def test_case_23_what_the_expected_key_did_not_sign_is_not_read(data: bytes, problem: str) -> None:
    assert problem in refused(data, signer=pin(SIGNER), entity_id="https://sp0.example/m")


def test_a_certificate_of_a_version_that_does_not_exist_is_passed_over() -> None:
    der = SIGNER.certificate.public_bytes(Encoding.DER)
    version = b"\xa0\x03\x02\x01"
    strange = base64.b64encode(der.replace(version + b"\x02", version + b"\x05", 1))
    data = signed(entity()).replace(base64_of(SIGNER), strange)
    assert "not signed with" in refused(data, signer=pin(SIGNER))


def test_case_23_what_stands_beside_the_signed_part_is_not_read() -> None:
    """Signature wrapping: a signed entity inside a group that an attacker wrote."""
    inner = signed(entity()).decode()
    wrapped = group(inner, entity(1), attributes='ID="_outer"')
    assert refused(wrapped, signer=pin(SIGNER), entity_id="https://sp1.example/m")


# Validity -----------------------------------------------------------------------------------------
def test_the_earliest_end_counts() -> None:
    inner = entity().replace("entityID", 'validUntil="2026-03-05T00:00:00Z" cacheDuration="P1D" entityID')
    document = opened(group(inner, attributes='validUntil="2026-03-03T00:00:00Z" cacheDuration="PT1H30M"'))
    assert document.valid_until == datetime(2026, 3, 3, tzinfo=UTC)
    assert document.cache_for == timedelta(minutes=90)


@pytest.mark.parametrize(
    "until", ["2026-03-01T12:00:00Z", "2020-01-01T00:00:00", "2026-03-01T13:00:00+02:00"]
)
def test_case_23_expired_metadata_is_not_opened_at_any_level(until: str) -> None:
    end = f'validUntil="{until}"'
    expired = entity().replace("entityID", f"{end} entityID")
    assert "expired" in refused(expired)
    assert "expired" in refused(group(entity(), attributes=end))
    assert "expired" in refused(group(group(entity(), attributes=end)))
    role = entity().replace("<md:SPSSODescriptor", f"<md:SPSSODescriptor {end}")
    with pytest.raises(Refused, match="expired"):
        read_entity(opened(role), now=NOW)


def test_an_end_is_kept_in_utc_and_one_beyond_all_time_is_refused() -> None:
    """What is stored must be readable again: one such document would keep every list from being shown."""
    end = entity().replace("entityID", 'validUntil="2026-03-05T00:30:00+02:00" entityID')
    assert str(opened(end).valid_until) == "2026-03-04 22:30:00+00:00"
    beyond = entity().replace("entityID", 'validUntil="9999-12-31T23:59:59-14:00" entityID')
    assert "no readable way" in refused(beyond)


@given(st.text(max_size=30))
def test_any_duration_is_read_or_passed_over(text: str) -> None:
    root = etree.Element(f"{{{MD}}}EntityDescriptor", entityID="x")
    try:
        root.set("cacheDuration", text)
    except ValueError:
        return
    assert opened(etree.tostring(root)).cache_for is None or text.strip().startswith("P")


# One of many --------------------------------------------------------------------------------------
def test_one_entity_of_many_is_chosen_by_name() -> None:
    many = group(*map(entity, range(5)))
    assert opened(many, entity_id="https://sp3.example/m").entity.get("entityID") == "https://sp3.example/m"
    assert "does not describe" in refused(many, entity_id="https://sp9.example/m")
    with pytest.raises(SeveralEntities) as caught:
        opened(many)
    assert caught.value.entities == tuple(f"https://sp{number}.example/m" for number in range(5))


def test_a_name_that_comes_twice_is_nobodys() -> None:
    assert "twice" in refused(group(entity(1), entity(2), entity(1)), entity_id="https://sp1.example/m")


def test_the_only_service_provider_needs_no_name() -> None:
    idp = f'<md:EntityDescriptor xmlns:md="{MD}" entityID="https://idp.example"/>'
    assert opened(group(idp, entity(7))).entity.get("entityID") == "https://sp7.example/m"
    assert "no SAML 2.0 service provider" in refused(group(idp, idp))


def test_what_was_chosen_can_be_kept_and_opened_again() -> None:
    document = opened(
        signed(group(*map(entity, range(3)))), signer=pin(SIGNER), entity_id="https://sp1.example/m"
    )
    again = opened(document.data)
    assert read_entity(again, now=NOW).settings == read_entity(document, now=NOW).settings


def test_case_03_a_large_aggregate_costs_bounded_time_and_memory() -> None:
    data = signed(group(*(entity(number) for number in range(3000))))
    assert 4_000_000 < len(data) < LARGEST_AGGREGATE
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    document = opened(data, signer=pin(SIGNER), entity_id="https://sp2999.example/m")
    assert document.signature is Signature.VERIFIED
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 * len(data) / 1024


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<a>" * 3_000_000, id="deep"),
        pytest.param(b"<a " + b"x='1' " * 2_000_000 + b"/>", id="attributes"),
        pytest.param(b"<a>" + b"<b/>" * 2_500_000 + b"</a>", id="tags"),
        pytest.param(b"<a>" + b"x" * 20_000_000 + b"</a>", id="text"),
        pytest.param(b"<!DOCTYPE a><a>" + b"x" * 3_000_000 + b"</a>", id="doctype"),
        pytest.param(b"x" * (LARGEST_AGGREGATE + 1), id="size"),
    ],
)
def test_case_03_large_bombs_cost_bounded_time(data: bytes) -> None:
    began = time.process_time()
    assert "not well-formed" in refused(data)
    assert time.process_time() - began < 5


# Fingerprints -------------------------------------------------------------------------------------
def test_a_fingerprint_is_read_as_tools_write_it() -> None:
    plain = "ab" * 32
    colons = ":".join(["AB"] * 32)
    assert check_fingerprint(colons) == check_fingerprint(f" {plain}\n") == plain
    for wrong in ("", "ab" * 20, "zz" * 32, plain + "0"):
        with pytest.raises(Refused):
            check_fingerprint(wrong)
