"""A service provider that sends whatever a test wants, signed or not, with its own escaping."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, quote_plus

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from idp import signedxml
from idp.core.ids import new_id
from idp.keys.signer import LocalSigner

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
SOAP = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"
ARTIFACT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
ISSUER = f"{{{SAML}}}Issuer"
NAMES = f'xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"'

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def certificate_of(key: PrivateKey, public: rsa.RSAPublicKey | None = None) -> x509.Certificate:
    """Return the key's certificate, or one it signs for another key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sp.example")])
    builder = x509.CertificateBuilder(name, name, public or key.public_key(), 1)
    # Long expired: metadata is what makes a key trusted, not a date.
    start = datetime(2020, 1, 1, tzinfo=UTC)
    return builder.not_valid_before(start).not_valid_after(start + timedelta(days=9)).sign(key, SHA256())


@dataclass
class Sp:
    """A service provider; acs, slo and flags go into its metadata."""

    key: PrivateKey
    entity_id: str = "https://sp.example/metadata"
    base: str = "https://sp.example"
    requests_signed: bool = False
    formats: tuple[str, ...] = ()
    acs: tuple[tuple[int, str, str], ...] = ((0, "https://sp.example/acs", POST),)
    extra: str = ""
    with_certificate: bool = True
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        self.certificate = certificate_of(self.key)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def signer(self) -> LocalSigner:
        alg = "RS256" if isinstance(self.key, rsa.RSAPrivateKey) else "ES256"
        return LocalSigner(self.key, kid="", alg=alg, certificate=self.pem)

    def metadata(self) -> bytes:
        der = base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
        key = (
            f'<md:KeyDescriptor><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data><ds:X509Certificate>\n{der}\n'
            "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        )
        formats = "".join(f"<md:NameIDFormat>{uri}</md:NameIDFormat>" for uri in self.formats)
        acs = "".join(
            f'<md:AssertionConsumerService Binding="{binding}" Location="{location}" index="{index}"/>'
            for index, location, binding in self.acs
        )
        return (
            f'<md:EntityDescriptor xmlns:md="{MD}" entityID="{self.entity_id}">'
            f'<md:SPSSODescriptor AuthnRequestsSigned="{str(self.requests_signed).lower()}" '
            f'protocolSupportEnumeration="{SAMLP}">{key if self.with_certificate else ""}'
            f'<md:SingleLogoutService Binding="{REDIRECT}" Location="{self.base}/slo"/>'
            f"{formats}{acs}{self.extra}</md:SPSSODescriptor></md:EntityDescriptor>"
        ).encode()


def authn_request(
    now: datetime, *, inner: str = "", issuer: str = "https://sp.example/metadata", **changed: str | None
) -> str:
    """Return a fine AuthnRequest, with attributes changed (None leaves one out) and elements added."""
    attributes: dict[str, str | None] = {
        "ID": new_id(),
        "Version": "2.0",
        "IssueInstant": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "Destination": "https://id.example/saml/sso",
        **changed,
    }
    written = " ".join(f'{name}="{value}"' for name, value in attributes.items() if value is not None)
    body = f"<saml:Issuer>{issuer}</saml:Issuer>{inner}"
    return f"<samlp:AuthnRequest {NAMES} {written}>{body}</samlp:AuthnRequest>"


# A person named for whoever has the key: we publish none to encrypt with, so never for us.
ENCRYPTED_ID = (
    '<saml:EncryptedID><e:EncryptedData xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:CipherData>'
    "<e:CipherValue>AAAA</e:CipherValue></e:CipherData></e:EncryptedData></saml:EncryptedID>"
)


def logout_request(
    now: datetime,
    *,
    name_id: str,
    index: str | None = None,
    issuer: str = "https://sp.example/metadata",
    **changed: str | None,
) -> str:
    """Return a LogoutRequest; name_id is the whole NameID element."""
    attributes: dict[str, str | None] = {
        "ID": new_id(),
        "Version": "2.0",
        "IssueInstant": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "Destination": "https://id.example/saml/slo",
        **changed,
    }
    written = " ".join(f'{name}="{value}"' for name, value in attributes.items() if value is not None)
    session = "" if index is None else f"<samlp:SessionIndex>{index}</samlp:SessionIndex>"
    return (
        f"<samlp:LogoutRequest {NAMES} {written}><saml:Issuer>{issuer}</saml:Issuer>{name_id}{session}"
        "</samlp:LogoutRequest>"
    )


def deflated(xml: str | bytes) -> str:
    data = xml.encode() if isinstance(xml, str) else xml
    return base64.b64encode(zlib.compress(data)[2:-4]).decode()


def query(
    xml: str | bytes,
    *,
    key: PrivateKey | None = None,
    relay_state: str | None = None,
    name: str = "SAMLRequest",
    escape: Callable[[str], str] = quote_plus,
    sig_alg: str | None = None,
) -> str:
    """Return a Redirect query, signed when a key is given, escaped as the sender's language does."""
    octets = f"{name}={escape(deflated(xml))}"
    if relay_state is not None:
        octets += f"&RelayState={escape(relay_state)}"
    if key is None:
        return octets
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    octets += f"&SigAlg={escape(sig_alg or (RSA_SHA256 if is_rsa else ECDSA_SHA256))}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(octets.encode(), PKCS1v15(), SHA256())
    else:
        signature = LocalSigner(key, kid="", alg="ES256", certificate="").sign("ES256", octets.encode())
    return f"{octets}&Signature={escape(base64.b64encode(signature).decode())}"


def lower_hex(text: str) -> str:
    """Escape as .NET and AD FS do."""
    return re.sub("%..", lambda escape: escape[0].lower(), quote(text, safe=""))


def percent_space(text: str) -> str:
    """Escape as Node does."""
    return quote(text, safe="!'()*~")


def signed(xml: str, sp: Sp) -> bytes:
    """Return the message with an enveloped signature after its Issuer."""
    root = etree.fromstring(xml)
    alg = "RS256" if isinstance(sp.key, rsa.RSAPrivateKey) else "ES256"
    signedxml.sign(root, signer=sp.signer, alg=alg, after_tag=ISSUER)  # type: ignore[arg-type]
    return etree.tostring(root)


def signed_by_sha1(xml: str, sp: Sp) -> bytes:
    """Return the same signed with SHA-1, by another library."""
    method, digest = (f"http://www.w3.org/2000/09/xmldsig#{name}" for name in ("rsa-sha1", "sha1"))
    return OneLogin_Saml2_Utils.add_sign(xml.encode(), sp.key_pem, sp.pem, False, method, digest)  # type: ignore[no-any-return]


def posted(xml: str | bytes, **fields: str) -> dict[str, str]:
    """Return the form of the POST binding."""
    data = xml.encode() if isinstance(xml, str) else xml
    return {"SAMLRequest": base64.b64encode(data).decode(), **fields}
