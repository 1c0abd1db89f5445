"""What is said of new metadata, and what of it is grave."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.partners.differences import differences
from idp.partners.keyfacts import key_facts
from idp.partners.saml import (
    CHOSEN,
    HTTP_REDIRECT,
    AcsEndpoint,
    EncryptionKey,
    EncryptionMethod,
    SamlSettings,
    SloEndpoint,
)
from idp.signedxml.encrypt import AES_256_CBC, AES_256_GCM
from tests.saml.sp import Sp

ONE, TWO = (Sp(rsa.generate_private_key(public_exponent=65537, key_size=2048)).pem for _ in range(2))
ACS = AcsEndpoint(index=0, location="https://sp.example/acs")
KEY = EncryptionKey(certificate=ONE, declared=True)
BEFORE = SamlSettings(
    acs=(ACS,),
    slo=(SloEndpoint(location="https://sp.example/slo"),),
    certificates=(ONE,),
    encryption_keys=(KEY,),
    authn_requests_signed=True,
)

MARKS = [
    # what is new, and for each sentence: is something lost, is it grave
    pytest.param({}, [], id="nothing"),
    pytest.param(
        {"acs": (ACS, replace(ACS, index=1, location="https://sp.example/2"))},
        [(False, False)],
        id="same host",
    ),
    pytest.param(
        {"acs": (ACS, replace(ACS, index=1, location="https://evil.example/"))},
        [(False, True)],
        id="other host",
    ),
    pytest.param(
        {"acs": (ACS, replace(ACS, index=1, location="http://sp.example/acs"))},
        [(False, True)],
        id="in the clear",
    ),
    pytest.param(
        {"acs": (ACS, replace(ACS, index=1, location="https://sp.example:8443/acs"))},
        [(False, True)],
        id="other port",
    ),
    pytest.param(
        {"acs": (ACS, replace(ACS, index=1, location="https://SP.example:443/acs"))},
        [(False, False)],
        id="other spelling",
    ),
    pytest.param(
        {"acs": (ACS, replace(ACS, index=1, location="https://sp.example.evil.example/acs"))},
        [(False, True)],
        id="look-alike",
    ),
    pytest.param({"certificates": (ONE, TWO)}, [(False, False)], id="key added"),
    pytest.param({"certificates": (TWO,)}, [(False, True), (True, False)], id="keys replaced"),
    pytest.param({"certificates": ()}, [(True, False)], id="keys gone"),
    pytest.param({"authn_requests_signed": False}, [(False, True)], id="unsigned requests"),
    pytest.param(
        {"encryption_keys": (replace(KEY, certificate=TWO),)},
        [(False, True), (True, False)],
        id="other reader",
    ),
    pytest.param({"encryption_keys": ()}, [(True, True)], id="no encryption"),
    pytest.param(
        {"encryption_keys": (replace(KEY, methods=(EncryptionMethod(algorithm=AES_256_GCM),)),)},
        [(False, False)],
        id="other encryption",
    ),
    pytest.param(
        {"encryption_keys": (replace(KEY, methods=(EncryptionMethod(algorithm=AES_256_CBC),)),)},
        [(True, True)],
        id="no safe encryption",
    ),
    pytest.param({"slo": ()}, [(True, False)], id="no sign-out"),
    pytest.param({"name_id_formats": ("x",)}, [(False, False)], id="form of names"),
    pytest.param({"acs": (replace(ACS, index=4),)}, [(False, False)], id="index"),
]


@pytest.mark.parametrize(("new", "marks"), MARKS)
def test_what_is_lost_and_what_is_grave(new: dict[str, object], marks: list[tuple[bool, bool]]) -> None:
    found = differences(BEFORE, replace(BEFORE, **new))  # type: ignore[arg-type]
    assert [(each.lost, each.grave) for each in found] == marks
    assert len({str(each.said) for each in found}) == len(found)


def test_whatever_metadata_says_makes_a_difference() -> None:
    others: dict[str, object] = {
        "acs": (),
        "slo": (
            SloEndpoint(location="https://sp.example/slo", binding=HTTP_REDIRECT, response_location="x"),
        ),
        "certificates": (),
        "encryption_keys": (),
        "name_id_formats": ("x",),
        "attribute_sets": ("x",),
        "authn_requests_signed": False,
    }
    assert others.keys() == {each.name for each in fields(SamlSettings)} - set(CHOSEN)
    for name, value in others.items():
        assert differences(BEFORE, replace(BEFORE, **{name: value}))  # type: ignore[arg-type]


def test_a_certificate_is_told_by_its_fingerprint_and_date() -> None:
    facts = key_facts(ONE)
    assert len(facts.fingerprint) == 32 * 3 - 1
    said = differences(replace(BEFORE, certificates=()), BEFORE)[0].said
    assert facts.fingerprint.startswith(said.values["certificate"].partition("…")[0])
    assert "2020-01-10" in said
