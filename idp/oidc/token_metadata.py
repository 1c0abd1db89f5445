"""What discovery says of the addresses that clients post to (RFC 8414 section 2)."""

from __future__ import annotations

from idp.oidc.authlib_server import GRANT_TYPES
from idp.partners.jwks import ALL_ALGORITHMS
from idp.partners.oidc import BY_KEY, CONFIDENTIAL, PUBLIC


def token_metadata(base_url: str) -> dict[str, object]:
    """Return the members about tokens; base_url has no trailing slash."""
    known, everyone = [*CONFIDENTIAL, *BY_KEY], [*CONFIDENTIAL, *BY_KEY, *PUBLIC]
    return {
        "token_endpoint": base_url + "/oidc/token",
        "token_endpoint_auth_methods_supported": everyone,
        "token_endpoint_auth_signing_alg_values_supported": ALL_ALGORITHMS,
        "introspection_endpoint": base_url + "/oidc/introspect",
        "introspection_endpoint_auth_methods_supported": known,
        "introspection_endpoint_auth_signing_alg_values_supported": ALL_ALGORITHMS,
        "revocation_endpoint": base_url + "/oidc/revoke",
        "revocation_endpoint_auth_methods_supported": everyone,
        "revocation_endpoint_auth_signing_alg_values_supported": ALL_ALGORITHMS,
        "grant_types_supported": GRANT_TYPES,
    }
