"""Values that several tests of this room start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from idp.core.model import Claim, Grant, Issuer, SignInRequest, Strength, Subject, SubjectForm

ISSUER = Issuer(
    id="main", base_url="https://id.example", entity_id="https://id.example/saml/metadata", key_set="main"
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST = SignInRequest(
    door="oidc",
    issuer="main",
    partner="wiki",
    reply_to="https://wiki.example/cb",
    subject=SubjectForm.PUBLIC,
    echo={"scope": "openid"},
)
GRANT = Grant(
    id="grant",
    request=REQUEST,
    person="ada",
    subject=Subject(value="ada", form=SubjectForm.PUBLIC),
    claims=(),
    amr=("pwd", "otp", "mfa"),
    acr=Strength.TWO,
    authenticated_at=NOON,
    issued_at=NOON,
    session="session",
    session_ends=NOON,
    participant="sid",
    handle="the-code",
)


def granting(attributes: Mapping[str, list[str]]) -> Grant:
    """Return a grant that says these attributes."""
    claims = [Claim(type=name, value=value) for name, values in attributes.items() for value in values]
    return replace(GRANT, claims=tuple(claims))
