"""Name what is wrong with an OAuth message, in the protocol's own words."""

from __future__ import annotations

from idp.core.errors import CountersignError


class OAuthError(CountersignError):
    """An error that goes back to the client: by redirect at authorize, as JSON elsewhere.

    error is a registered code (RFC 6749 4.1.2.1 and 5.2, RFC 6750, OIDC core 3.1.2.6).
    description is fixed ASCII text without quotes or backslashes, and never repeats input.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description, detail=f"{error}: {description}")
        self.error = error
        self.description = description


def invalid_request(description: str) -> OAuthError:
    """Return the error for a malformed request."""
    return OAuthError("invalid_request", description)
