"""A small identity provider that says whatever a test wants, signed or not."""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner
from signxml.algorithms import SignatureMethod

ENTITY = "https://provider.example/metadata"
SSO = "https://provider.example/sso"
SLO = "https://provider.example/slo"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
NAMES = (
    'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
)
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
MFA = "https://refeds.org/profile/mfa"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


class Provider:
    """Signs with its own RSA key; base is the application's address."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._key = generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider.example")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, self._key.public_key(), 1)
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        self._certificate = builder.sign(self._key, SHA256())

    def metadata(self) -> str:
        """Return the metadata an application trusts."""
        certificate = base64.b64encode(self._certificate.public_bytes(Encoding.DER)).decode()
        return f"""<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ENTITY}">
          <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
          <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>
          <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
          <md:SingleLogoutService Binding="{REDIRECT}" Location="{SLO}"/>
          <md:SingleSignOnService Binding="{REDIRECT}" Location="{SSO}"/>
          </md:IDPSSODescriptor></md:EntityDescriptor>"""

    def assertion(self, request_id: str) -> etree._Element:
        """Return an assertion about ada, with its signature."""
        now = datetime.now(UTC)
        soon, at = f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}", f"{now:%Y-%m-%dT%H:%M:%SZ}"
        bearer = f'InResponseTo="{request_id}" NotOnOrAfter="{soon}" Recipient="{self.base}/acs"'
        oid = 'NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri"'
        text = f"""<saml:Assertion {NAMES} xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ID="a1" Version="2.0"
          IssueInstant="{at}"><saml:Issuer>{ENTITY}</saml:Issuer><ds:Signature Id="placeholder"/>
          <saml:Subject><saml:NameID Format="{PERSISTENT}">subject-1</saml:NameID>
          <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
          <saml:SubjectConfirmationData {bearer}/></saml:SubjectConfirmation></saml:Subject>
          <saml:Conditions NotBefore="{at}" NotOnOrAfter="{soon}"><saml:AudienceRestriction>
          <saml:Audience>{self.base}/metadata</saml:Audience></saml:AudienceRestriction></saml:Conditions>
          <saml:AuthnStatement AuthnInstant="{at}" SessionIndex="session-1"><saml:AuthnContext>
          <saml:AuthnContextClassRef>{MFA}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
          <saml:AttributeStatement>
          <saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.1" {oid} FriendlyName="uid">
          <saml:AttributeValue>ada</saml:AttributeValue></saml:Attribute>
          <saml:Attribute Name="urn:oid:2.16.840.1.113730.3.1.241" {oid} FriendlyName="displayName">
          <saml:AttributeValue>Ada Lovelace</saml:AttributeValue></saml:Attribute>
          </saml:AttributeStatement></saml:Assertion>"""
        signer = XMLSigner(
            signature_algorithm=SignatureMethod.RSA_SHA256,
            c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
        )
        return signer.sign(
            etree.fromstring(text),
            key=self._key,
            cert=[self._certificate],
            reference_uri="#a1",
            id_attribute="ID",
        )

    def response(self, request_id: str, *, assertion: etree._Element | None = None, status: str = "") -> str:
        """Return a Response, base64; status names a second-level code and makes it a failure."""
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        code = "urn:oasis:names:tc:SAML:2.0:status:"
        inner = f'<samlp:StatusCode Value="{code}{status}"/>' if status else ""
        text = f"""<samlp:Response {NAMES} ID="r1" Version="2.0" IssueInstant="{at}"
          InResponseTo="{request_id}" Destination="{self.base}/acs">
          <saml:Issuer>{ENTITY}</saml:Issuer><samlp:Status>
          <samlp:StatusCode Value="{code}{"Responder" if status else "Success"}">{inner}</samlp:StatusCode>
          </samlp:Status></samlp:Response>"""
        root = etree.fromstring(text)
        if assertion is not None:
            root.append(assertion)
        return base64.b64encode(etree.tostring(root)).decode()

    def logout_request(self) -> str:
        """Return the signed query of a LogoutRequest about ada's session."""
        text = f"""<samlp:LogoutRequest {NAMES} ID="l1" Version="2.0" IssueInstant="{_now()}"
          Destination="{self.base}/slo"><saml:Issuer>{ENTITY}</saml:Issuer>
          <saml:NameID Format="{PERSISTENT}">subject-1</saml:NameID>
          <samlp:SessionIndex>session-1</samlp:SessionIndex></samlp:LogoutRequest>"""
        return self._signed("SAMLRequest", text)

    def logout_response(self, request_id: str, *, partial: bool = False) -> str:
        """Return the signed query of a LogoutResponse."""
        code = "urn:oasis:names:tc:SAML:2.0:status:"
        inner = f'<samlp:StatusCode Value="{code}PartialLogout"/>' if partial else ""
        text = f"""<samlp:LogoutResponse {NAMES} ID="l2" Version="2.0" IssueInstant="{_now()}"
          InResponseTo="{request_id}" Destination="{self.base}/slo"><saml:Issuer>{ENTITY}</saml:Issuer>
          <samlp:Status><samlp:StatusCode Value="{code}Success">{inner}</samlp:StatusCode></samlp:Status>
          </samlp:LogoutResponse>"""
        return self._signed("SAMLResponse", text)

    def _signed(self, name: str, text: str) -> str:
        packed = base64.b64encode(zlib.compress(text.encode())[2:-4]).decode()
        query = f"{name}={quote(packed, safe='')}&RelayState=r&SigAlg={quote_plus(RSA_SHA256)}"
        signature = self._key.sign(query.encode(), PKCS1v15(), SHA256())
        return f"{query}&Signature={quote_plus(base64.b64encode(signature).decode())}"


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def sent(location: str) -> etree._Element:
    """Return the message in the address that an application redirected to."""
    query = parse_qs(urlsplit(location).query)
    packed = (query.get("SAMLRequest") or query["SAMLResponse"])[0]
    return etree.fromstring(zlib.decompress(base64.b64decode(packed), -15))
