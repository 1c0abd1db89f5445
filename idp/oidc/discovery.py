"""Publish what clients need to know: the provider's configuration and its signing keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from joserfc.jwk import ECKey, RSAKey

from idp.core.model import Issuer
from idp.keys import Issuers, KeyRing, PublicKey
from idp.oidc import contexts
from idp.oidc.answers import MODES
from idp.oidc.checks import PROMPTS
from idp.oidc.claims import OFFLINE, SCOPES, STANDARD_CLAIMS
from idp.oidc.token_metadata import token_metadata
from idp.partners.oidc import ID_TOKEN_ALGS
from idp.web.i18n import languages

_ID_TOKEN_CLAIMS = ("iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash")


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON text, ready to send, and its entity tag."""

    body: bytes
    etag: str


class Discovery:
    """The two public documents, serialised once for each state of issuer and keys."""

    def __init__(self, *, issuers: Issuers, ring: KeyRing) -> None:
        self._issuers = issuers
        self._ring = ring
        self._held: tuple[tuple[str, ...], Document] | None = None

    def configuration(self) -> Document:
        """Return the provider metadata (OpenID Connect Discovery 3, RFC 8414 2, RFC 9207 3)."""
        return _configuration(self._issuers.default())

    def keys(self) -> Document:
        """Return the JSON Web Key Set (RFC 7517): next, active and lately retired keys."""
        published = self._ring.published(self._issuers.default().key_set)
        kids = tuple(key.kid for key in published)
        held = self._held
        if held is None or held[0] != kids:
            held = self._held = (kids, _document({"keys": [_jwk(key) for key in published]}))
        return held[1]


def _jwk(key: PublicKey) -> dict[str, Any]:
    raw: Any = key.key
    kind = RSAKey if key.alg == "RS256" else ECKey
    return {**kind(raw, raw).as_dict(private=False), "use": "sig", "alg": key.alg, "kid": key.kid}


@lru_cache(maxsize=8)
def _configuration(issuer: Issuer) -> Document:
    base = issuer.base_url
    return _document(
        {
            "issuer": issuer.oidc,
            "authorization_endpoint": base + "/oidc/authorize",
            "userinfo_endpoint": base + "/oidc/userinfo",
            "jwks_uri": base + "/oidc/jwks",
            "end_session_endpoint": base + "/oidc/logout",
            "pushed_authorization_request_endpoint": base + "/oidc/par",
            "require_pushed_authorization_requests": False,
            "frontchannel_logout_supported": True,
            "frontchannel_logout_session_supported": True,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "scopes_supported": (*SCOPES, OFFLINE),
            "response_types_supported": ["code"],
            "response_modes_supported": MODES,
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ID_TOKEN_ALGS,
            **token_metadata(base),
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": PROMPTS,
            "ui_locales_supported": tuple(languages()),
            "acr_values_supported": contexts.supported(),
            "claim_types_supported": ["normal"],
            "claims_supported": (*STANDARD_CLAIMS, *_ID_TOKEN_CLAIMS),
            "claims_parameter_supported": True,
            "request_parameter_supported": False,
            # The default would be true (Discovery 3).
            "request_uri_parameter_supported": False,
            "authorization_response_iss_parameter_supported": True,
        }
    )


def _document(content: Mapping[str, Any]) -> Document:
    body = json.dumps(content, separators=(",", ":")).encode()
    return Document(body=body, etag=sha256(body).hexdigest()[:32])
