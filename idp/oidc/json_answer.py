"""What a program is told: a status, a JSON object, and the headers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from idp.oidc.errors import OAuthError


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """An answer of the token or userinfo endpoint, before it becomes a response."""

    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)


def refusal(error: OAuthError, *, status: int, headers: Mapping[str, str] | None = None) -> JsonAnswer:
    """Return the answer that names an error (RFC 6749 section 5.2)."""
    body = {"error": error.error, "error_description": error.description}
    return JsonAnswer(status, body, headers or {})
