"""Read an authorization request: who asks, then a table of small checks, each in its own words."""

from __future__ import annotations

from dataclasses import dataclass

from idp.core.errors import BadMessage
from idp.core.model import Reply, SignInRequest
from idp.keys import Issuers
from idp.oidc.answers import encode
from idp.oidc.apis import Apis
from idp.oidc.checks import CHECKS, Given, begun
from idp.oidc.errors import OAuthError
from idp.oidc.idtokens import IdTokens
from idp.oidc.parameters import Parameters
from idp.oidc.pushed import PREFIX, PushedRequests
from idp.partners.oidc import oidc_settings
from idp.partners.registry import Partners
from idp.sessions import Subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorize:
    """Turns parameters into a verified request, or into the error that goes back to the client."""

    partners: Partners
    issuers: Issuers
    id_tokens: IdTokens
    subjects: Subjects

    pushed: PushedRequests

    def __call__(self, parameters: Parameters) -> SignInRequest | Reply:
        """Check an authorization request (OIDC core 3.1.2, RFC 7636, RFC 9126, RFC 9207).

        Raises BadMessage, and so never redirects, unless the client and its redirect URI are
        known beyond doubt; from there on every error is answered to the client.
        """
        pushed = parameters.get("request_uri").startswith(PREFIX)
        given = self._sender(self.pushed.take(parameters) if pushed else parameters, pushed=pushed)
        try:
            return _checked(given)
        except OAuthError as error:
            request = begun(given)
            fields = {"error": error.error, "error_description": error.description}
            return encode(request, self.issuers.get(request.issuer), fields)

    def check(self, parameters: Parameters) -> SignInRequest:
        """Check a request that a client pushes. Raises OAuthError, BadMessage."""
        return _checked(self._sender(parameters, pushed=True))

    def _sender(self, parameters: Parameters, *, pushed: bool) -> Given:
        if not parameters.repeated.isdisjoint({"client_id", "redirect_uri"}):
            raise BadMessage(
                "The application sent an ambiguous request.", detail="repeated client_id or redirect_uri"
            )
        partner = self.partners.find("oidc", parameters.get("client_id"))
        if partner is None or not partner.enabled:
            raise BadMessage(
                "The application that sent you here is not known to this sign-in service.",
                detail="unknown or disabled client_id",
            )
        settings = oidc_settings(partner)
        if not settings.redirects_to(parameters.get("redirect_uri")):
            # Missing counts as well, even with only one registered (OIDC core 3.1.2.1).
            raise BadMessage(
                "The application asked to send you to an address that it has not registered.",
                detail=f"redirect_uri of client {partner.identifier}",
            )
        return Given(
            parameters=parameters,
            pushed=pushed,
            partner=partner,
            settings=settings,
            id_tokens=self.id_tokens,
            subjects=self.subjects,
            apis=Apis(partners=self.partners),
        )


def _checked(given: Given) -> SignInRequest:
    request = begun(given)
    for check in CHECKS:
        request = check(given, request)
    return request
