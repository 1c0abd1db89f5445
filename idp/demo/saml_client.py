"""The service provider that Expenses is: its key, its metadata, and pysaml2 set up to be one."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import create_metadata_string
from saml2.sigver import RSACrypto, import_rsa_key_from_file

from idp.demo.saml_signatures import RSA_SHA256, SignatureCheck

_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_FRESH = 60.0  # seconds for which the provider's metadata is believed without asking again
_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """Where the application's own signing key and certificate are, PEM."""

    key: Path
    certificate: Path


def key_pair(folder: Path) -> KeyPair:
    """Return the application's key pair, made at the first start and kept (mode 0600)."""
    pair = KeyPair(key=folder / "expenses.key", certificate=folder / "expenses.crt")
    if pair.key.exists() and pair.certificate.exists():
        return pair
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Expenses demo")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=3650))
    pair.key.touch(mode=0o600)
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    pair.certificate.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return pair


@dataclass
class ServiceProvider:
    """Expenses as a service provider; metadata_url is where the identity provider describes itself."""

    base_url: str
    metadata_url: str
    keys: KeyPair
    _client: Saml2Client | None = None
    _read_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def metadata(self) -> str:
        """Return the application's own metadata, for the provider to import."""
        document = create_metadata_string(None, config=SPConfig().load(self._config()))
        return document.decode() if isinstance(document, bytes) else str(document)

    def client(self) -> Saml2Client:
        """Return pysaml2's client with the provider's current keys.

        Raises OSError when the provider can't be asked and was never heard of.
        """
        with self._lock:
            if self._client is None or monotonic() - self._read_at > _FRESH:
                self._client = self._make_client(self._provider_metadata())
                self._read_at = monotonic()
            return self._client

    def _provider_metadata(self) -> str:
        # The address is the operator's own setting, and the answer is bounded.
        with urllib.request.urlopen(self.metadata_url, timeout=5) as answer:  # noqa: S310 - fixed by the operator
            return str(answer.read(_LIMIT).decode())

    def _make_client(self, provider_metadata: str) -> Saml2Client:
        config = SPConfig().load({**self._config(), "metadata": {"inline": [provider_metadata]}})
        client = Saml2Client(config=config)
        check = SignatureCheck()
        client.sec.crypto = check
        client.sec.sec_backend = RSACrypto(import_rsa_key_from_file(str(self.keys.key)))
        client.metadata.security.crypto = check
        return client

    def _config(self) -> Mapping[str, Any]:
        service = {
            "endpoints": {
                "assertion_consumer_service": [(f"{self.base_url}/acs", BINDING_HTTP_POST)],
                "single_logout_service": [(f"{self.base_url}/slo", BINDING_HTTP_REDIRECT)],
            },
            "ui_info": {"display_name": [{"text": "Expenses", "lang": "en"}]},
            "authn_requests_signed": True,
            "logout_requests_signed": True,
            "want_assertions_signed": True,
            "want_response_signed": False,
            "allow_unsolicited": False,
            "signing_algorithm": RSA_SHA256,
            "digest_algorithm": _SHA256,
        }
        return {
            "entityid": f"{self.base_url}/metadata",
            "service": {"sp": service},
            "key_file": str(self.keys.key),
            "cert_file": str(self.keys.certificate),
            # This name only keeps pysaml2 from looking for the xmlsec1 program; ours takes its place.
            "crypto_backend": "XMLSecurity",
        }


def provider_id(client: Saml2Client) -> str:
    """Return the entity id of the one provider the client knows."""
    return str(next(iter(client.metadata.identity_providers())))
