"""Service provider metadata: what is read from it, what is refused, what is only remarked on."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from idp.core.codec import plain
from idp.core.errors import Refused
from idp.core.model import Partner
from idp.partners.metadata import LIMIT, EntityRead, read
from idp.partners.saml import AcsEndpoint, SloEndpoint, saml_settings
from tests.saml.sp import ARTIFACT, POST, REDIRECT, Sp, certificate_of

SAMPLES = Path(__file__).parent / "samples"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
SAML2 = "urn:oasis:names:tc:SAML:2.0:protocol"
ACS = f'<md:AssertionConsumerService Binding="{POST}" Location="https://sp.example/acs" index="0"/>'

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = RSA_KEY, public: rsa.RSAPublicKey | None = None
) -> str:
    return base64.b64encode(certificate_of(key, public).public_bytes(Encoding.DER)).decode()


def key_descriptor(text: str, *, use: str = "") -> str:
    return (
        f'<md:KeyDescriptor {use}><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data><ds:X509Certificate>{text}'
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )


def entity(
    body: str = ACS,
    *,
    attributes: str = "",
    sp: str = "",
    after: str = "",
    name: str = "https://sp.example/m",
) -> str:
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}" entityID="{name}" {attributes}>'
        f'<md:SPSSODescriptor protocolSupportEnumeration="{SAML2}" {sp}>{body}</md:SPSSODescriptor>'
        f"{after}</md:EntityDescriptor>"
    )


def reading(text: str | bytes) -> EntityRead:
    return read(text.encode() if isinstance(text, str) else text, now=NOW)


def sample(product: str) -> str:
    """Return metadata as a well-known product writes it."""
    return (SAMPLES / f"{product}.xml").read_text().replace("CERTIFICATE", certificate())


def refused(text: str | bytes) -> str:
    with pytest.raises(Refused) as caught:
        reading(text)
    return caught.value.public


# What is read ------------------------------------------------------------------------------------
def test_the_least_metadata_is_enough() -> None:
    found = reading(entity())
    assert (found.entity_id, found.name, found.problems) == (
        "https://sp.example/m",
        "https://sp.example/m",
        (),
    )
    assert found.settings.acs == (AcsEndpoint(index=0, location="https://sp.example/acs", binding=POST),)
    assert found.settings.certificates == ()
    assert not found.settings.authn_requests_signed


def test_the_name_is_the_one_meant_for_people_english_first() -> None:
    ui = (
        '<md:Extensions><mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui">'
        '<mdui:DisplayName xml:lang="de">Reisekosten</mdui:DisplayName>'
        '<mdui:DisplayName xml:lang="en">Travel\n expenses</mdui:DisplayName>'
        "</mdui:UIInfo></md:Extensions>"
    )
    organisation = (
        '<md:Organization><md:OrganizationName xml:lang="en">x</md:OrganizationName>'
        '<md:OrganizationDisplayName xml:lang="en">Example Ltd</md:OrganizationDisplayName>'
        '<md:OrganizationURL xml:lang="en">https://example</md:OrganizationURL></md:Organization>'
    )
    assert reading(entity(ui + ACS, after=organisation)).name == "Travel expenses"
    assert reading(entity(after=organisation)).name == "Example Ltd"


def test_endpoints_formats_and_flags() -> None:
    body = (
        f'<md:SingleLogoutService Binding="{REDIRECT}" Location="https://sp.example/slo" '
        'ResponseLocation="https://sp.example/slo/done"/>'
        "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>"
        f'<md:AssertionConsumerService Binding="{ARTIFACT}" Location="https://sp.example/art" index="7"/>'
        + ACS.replace("/acs", "/b").replace('"0"', '"3" isDefault="false"')
        + ACS.replace("/acs", "/a").replace('"0"', '"1" isDefault="1"')
    )
    settings = reading(entity(key_descriptor(certificate()) + body, sp='AuthnRequestsSigned="1"')).settings
    assert settings.authn_requests_signed
    assert settings.name_id_formats == ("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",)
    assert settings.slo == (
        SloEndpoint(
            binding=REDIRECT,
            location="https://sp.example/slo",
            response_location="https://sp.example/slo/done",
        ),
    )
    assert [endpoint.index for endpoint in settings.acs] == [7, 3, 1]
    assert settings.default_acs is not None
    assert settings.default_acs.location == "https://sp.example/a"
    assert settings.logout is not None
    assert settings.logout.answers == "https://sp.example/slo/done"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((None, None), 0),  # the first
        (("false", None), 1),  # the first that is not marked false
        ((None, "true"), 1),  # the one marked true
        (("false", "false"), 0),  # the first after all
    ],
)
def test_the_default_acs_follows_the_metadata_specification(
    flags: tuple[str | None, ...], expected: int
) -> None:
    acs = "".join(
        ACS.replace('"0"', f'"{index}"' + (f' isDefault="{flag}"' if flag else ""))
        for index, flag in enumerate(flags)
    )
    default = reading(entity(acs)).settings.default_acs
    assert default is not None
    assert default.index == expected


def test_a_list_of_one_entity_is_read_and_of_two_is_refused() -> None:
    wrapped = f'<md:EntitiesDescriptor xmlns:md="{MD}">{{}}</md:EntitiesDescriptor>'
    assert reading(wrapped.format(entity())).entity_id == "https://sp.example/m"
    two = entity() + entity(name="https://other.example")
    assert "several applications" in refused(wrapped.format(two))


def test_settings_survive_the_store_and_are_read_once_per_change() -> None:
    settings = reading(sample("shibboleth")).settings
    partner = Partner(id="p", door="saml", identifier="x", name="x", issuer="i", settings=plain(settings))
    assert saml_settings(partner) == settings
    assert saml_settings(partner) is saml_settings(partner)
    changed = Partner(id="p", door="saml", identifier="x", name="x", issuer="i", settings={})
    assert saml_settings(changed).acs == ()


# Keys --------------------------------------------------------------------------------------------
def test_case_23_a_key_without_use_keeps_signature_checks_on() -> None:
    settings = reading(entity(key_descriptor(certificate()) + ACS)).settings
    assert len(settings.certificates) == 1


def test_keys_for_encryption_check_no_signatures() -> None:
    assert (
        reading(entity(key_descriptor(certificate(), use='use="encryption"') + ACS)).settings.certificates
        == ()
    )


def test_several_certificates_are_all_kept_once_each() -> None:
    keys = [certificate(), certificate(EC_KEY), certificate()]
    body = "".join(key_descriptor(f"\n  {text[:64]}\n{text[64:]} ", use='use="signing"') for text in keys)
    assert len(reading(entity(body + ACS)).settings.certificates) == 2


def test_bare_and_unreadable_and_odd_keys_are_remarked_on() -> None:
    info = f'<ds:KeyInfo xmlns:ds="{DS}"><ds:KeyName>x</ds:KeyName></ds:KeyInfo>'
    bare = f"<md:KeyDescriptor>{info}</md:KeyDescriptor>"
    found = reading(entity(bare + key_descriptor("AAAA") + ACS))
    assert found.settings.certificates == ()
    assert len(found.problems) == 2


@pytest.mark.parametrize(
    ("genuine", "strange"),
    [
        ("06092a864886f70d010101", "06092a864886f70d01017f"),  # the kind of key
        ("a003020102", "a003020106"),  # the version
        ("0203010001", "0203010000"),  # an even exponent
    ],
)
def test_a_certificate_that_means_nothing_is_remarked_on(genuine: str, strange: str) -> None:
    der = base64.b64decode(certificate())
    odd = der.replace(bytes.fromhex(genuine), bytes.fromhex(strange))
    assert odd != der
    found = reading(entity(key_descriptor(base64.b64encode(odd).decode()) + ACS))
    assert found.settings.certificates == ()
    assert len(found.problems) == 1


def test_a_short_rsa_key_is_remarked_on() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  (that is the point)
    found = reading(entity(key_descriptor(certificate(short)) + ACS))
    assert any("1024 bits" in problem for problem in found.problems)


def test_signed_requests_without_a_certificate_are_refused() -> None:
    assert "no certificate" in refused(entity(sp='AuthnRequestsSigned="true"'))


# What is refused ---------------------------------------------------------------------------------
@pytest.mark.parametrize("where", ["entity", "sp", "list"])
def test_case_23_expired_metadata_is_not_applied(where: str) -> None:
    old = 'validUntil="2026-03-01T11:59:59Z"'
    text = entity(attributes=old if where == "entity" else "", sp=old if where == "sp" else "")
    if where == "list":
        text = f'<md:EntitiesDescriptor xmlns:md="{MD}" {old}>{text}</md:EntitiesDescriptor>'
    assert "expired" in refused(text)


@pytest.mark.parametrize(
    "until", ["2026-03-01T12:00:01Z", "2026-03-01T13:00:01", "2027-01-01T00:00:00.123+02:00"]
)
def test_metadata_that_is_still_valid_is_read(until: str) -> None:
    assert reading(entity(attributes=f'validUntil="{until}"')).entity_id


def test_an_unreadable_validity_is_refused() -> None:
    assert "valid" in refused(entity(attributes='validUntil="soon"'))


@pytest.mark.parametrize(
    "location",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "ftp://sp.example/acs",
        "//sp.example/acs",
        "/acs",
        "https:///acs",
        "https://user@sp.example/acs",
        "https://sp.example\\@evil.example/acs",
        "https://sp.example/a cs",
        "https://sp.example/&#9;acs",
        "https://sp.example:0/acs",
        "https://sp.example:x/acs",
        "https://[::1/acs",
        "https://sp.example/&quot;&gt;&lt;script&gt;",
        "",
    ],
)
def test_case_18_addresses_that_are_not_plain_web_addresses_are_refused(location: str) -> None:
    acs = f'<md:AssertionConsumerService Binding="{POST}" Location="{location}" index="1"/>'
    assert "address" in refused(entity(ACS + acs))
    slo = f'<md:SingleLogoutService Binding="{REDIRECT}" Location="{location}"/>'
    assert "address" in refused(entity(slo + ACS))


def test_http_is_accepted_with_a_remark_but_for_loopback() -> None:
    plain_http = ACS.replace("https://sp.example", "http://intranet.example")
    assert any("unencrypted" in problem for problem in reading(entity(plain_http)).problems)
    assert reading(entity(ACS.replace("https://sp.example", "http://127.0.0.1:8101"))).problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "<a/>",
        f'<md:EntityDescriptor xmlns:md="{MD}" entityID="https://idp.example"/>',
        f'<md:EntitiesDescriptor xmlns:md="{MD}"/>',
        entity(ACS.replace("HTTP-POST", "HTTP-Artifact")),
        entity(""),
        entity(name=""),
        entity(name="x" * 1025),
        entity().replace(SAML2, "urn:oasis:names:tc:SAML:1.1:protocol"),
        entity().replace("SPSSODescriptor", "IDPSSODescriptor"),
    ],
)
def test_what_is_no_usable_metadata_is_refused_with_a_reason(text: str) -> None:
    assert refused(text)


def test_case_05_a_doctype_is_refused() -> None:
    assert refused('<!DOCTYPE x [<!ENTITY e "v">]>' + entity())


def test_case_04_external_entities_are_never_read() -> None:
    assert refused('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + entity("&e;"))


@pytest.mark.parametrize(
    "bomb",
    [
        "<a>" * 50_000 + "</a>" * 50_000,
        "<a " + " ".join(f"a{number}=''" for number in range(100_000)) + "/>",
        entity(ACS * 20_000),
        "<a>" + "x" * LIMIT + "</a>",
    ],
)
def test_case_03_bombs_cost_bounded_time(bomb: str) -> None:
    began = time.process_time()
    refused(bomb)
    assert time.process_time() - began < 2


def test_two_endpoints_of_one_index_are_remarked_on_and_the_first_counts() -> None:
    found = reading(entity(ACS + ACS.replace("/acs", "/other")))
    assert [endpoint.location for endpoint in found.settings.acs] == ["https://sp.example/acs"]
    assert any("index 0" in problem for problem in found.problems)


def test_metadata_that_breaks_the_schema_is_read_with_a_remark() -> None:
    found = reading(entity(ACS + "<md:NameIDFormat>urn:x</md:NameIDFormat>"))
    assert found.settings.name_id_formats == ("urn:x",)
    assert any("schema" in problem for problem in found.problems)


# As real products write it -----------------------------------------------------------------------
SSP = "https://ssp.example/module.php/saml/sp"


@pytest.mark.parametrize(
    ("product", "entity_id", "acs", "signed"),
    [
        ("pysaml2", "http://127.0.0.1:8087/sp.xml", "http://127.0.0.1:8087/acs/post", True),
        ("python3-saml", "https://app.example/metadata/", "https://app.example/?acs", False),
        ("node-saml", "passport-saml", "https://node.example/login/callback", False),
        (
            "shibboleth",
            "https://shib.example/shibboleth",
            "https://shib.example/Shibboleth.sso/SAML2/POST",
            False,
        ),
        ("simplesamlphp", f"{SSP}/metadata/default-sp", f"{SSP}/saml2-acs.php/default-sp", False),
        ("crewjam", "https://go.example/saml/metadata", "https://go.example/saml/acs", True),
    ],
)
def test_metadata_of_real_products(product: str, entity_id: str, acs: str, signed: bool) -> None:
    found = reading(sample(product))
    assert found.entity_id == entity_id
    assert found.settings.default_acs is not None
    assert found.settings.default_acs.location == acs
    assert found.settings.authn_requests_signed is signed


def test_the_test_service_provider_writes_sound_metadata() -> None:
    assert reading(Sp(RSA_KEY).metadata()).problems == ()


# Hostile at random -------------------------------------------------------------------------------
@given(st.data())
def test_mutated_metadata_is_read_or_refused(data: st.DataObject) -> None:
    sound = sample("shibboleth").encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sound)), max_size=6)))
    pieces = [sound[start:end] for start, end in pairwise([0, *cuts, len(sound)])]
    junk = st.sampled_from(
        [b"", b"<", b">", b"&", b'"', b"\x00", b"\xff", b"javascript:", b"<!DOCTYPE x>", b"<md:a/>"]
    )
    changed = b"".join(piece + data.draw(junk) for piece in data.draw(st.permutations(pieces)))
    try:
        found = reading(changed)
    except Refused:
        return
    assert all(endpoint.location.startswith(("https://", "http://")) for endpoint in found.settings.acs)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    assert refused(data)


def test_a_key_that_is_neither_rsa_nor_elliptic_is_ignored() -> None:
    odd = (
        ed25519.Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    assert reading(entity(key_descriptor(base64.b64encode(odd).decode()) + ACS)).settings.certificates == ()
