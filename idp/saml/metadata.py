"""Our own metadata: what partners must know to send people here and to check our answers."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, BINDING_SOAP, md, samlp, xmldsig

from idp import signedxml
from idp.core.model import Issuer
from idp.keys import METADATA_KEPT, Issuers, KeyRing, PublicKey
from idp.saml.inbound import SSO_PATH
from idp.saml.logout import SLO_PATH, SOAP_PATH
from idp.saml.names import FORMATS
from idp.saml.writing import ALG

MEDIA_TYPE = "application/samlmetadata+xml"  # metadata, appendix A
_PREFIXES = {"md": md.NAMESPACE, "ds": xmldsig.NAMESPACE}
# No validUntil: many partners are given a copy once, keep it for years and check the date at
# every sign-in. Those that fetch it are told how long to keep it.
_REFRESH = f"PT{METADATA_KEPT // timedelta(hours=1)}H"
_SLO = (
    (BINDING_HTTP_REDIRECT, SLO_PATH),
    (BINDING_HTTP_POST, SLO_PATH),
    (BINDING_SOAP, SOAP_PATH),
)


@dataclass(frozen=True, slots=True)
class Document:
    """Signed metadata, and a tag that changes when it does."""

    body: bytes
    etag: str


class Metadata:
    """Makes the metadata at first, and whenever the issuer or a key changes."""

    def __init__(self, *, issuers: Issuers, keys: KeyRing) -> None:
        self._issuers = issuers
        self._keys = keys
        self._made: tuple[object, Document] | None = None
        self._lock = threading.Lock()

    def document(self) -> Document:
        """Return the signed EntityDescriptor of the default issuer."""
        issuer = self._issuers.default()
        keys = tuple(key for key in self._keys.published(issuer.key_set) if key.alg == ALG)
        signer = self._keys.signer(issuer.key_set, ALG)
        key = (issuer, signer.kid, tuple(key.kid for key in keys))
        with self._lock:
            if self._made is None or self._made[0] != key:
                root = etree.fromstring(_entity(issuer, keys).to_string(_PREFIXES))
                signedxml.sign(root, signer=signer, alg=ALG, after_tag="")
                body = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
                self._made = (key, Document(body=body, etag=hashlib.sha256(body).hexdigest()[:32]))
            return self._made[1]


def _entity(issuer: Issuer, keys: tuple[PublicKey, ...]) -> md.EntityDescriptor:
    return md.EntityDescriptor(
        # The signature's reference: the same on every node, for the sake of the tag.
        id="m"
        + hashlib.sha256(" ".join([issuer.entity_id, *(key.kid for key in keys)]).encode()).hexdigest()[:40],
        entity_id=issuer.entity_id,
        cache_duration=_REFRESH,
        idpsso_descriptor=[
            md.IDPSSODescriptor(
                want_authn_requests_signed="false",
                protocol_support_enumeration=samlp.NAMESPACE,
                key_descriptor=[_key_descriptor(key) for key in keys],
                single_logout_service=[
                    md.SingleLogoutService(binding=binding, location=issuer.base_url + path)
                    for binding, path in _SLO
                ],
                name_id_format=[md.NameIDFormat(text=uri) for uri in FORMATS],
                single_sign_on_service=[
                    md.SingleSignOnService(binding=binding, location=issuer.base_url + SSO_PATH)
                    for binding in (BINDING_HTTP_REDIRECT, BINDING_HTTP_POST)
                ],
            )
        ],
    )


def _key_descriptor(key: PublicKey) -> md.KeyDescriptor:
    der = x509.load_pem_x509_certificate(key.certificate.encode()).public_bytes(Encoding.DER)
    certificate = xmldsig.X509Certificate(text=base64.b64encode(der).decode())
    return md.KeyDescriptor(
        use="signing",
        key_info=xmldsig.KeyInfo(x509_data=[xmldsig.X509Data(x509_certificate=[certificate])]),
    )
