"""The OpenID Connect door: say a grant, a denial or the end of a session to a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idp.core.errors import BadMessage, Denied, Reason
from idp.core.model import Grant, Participant, Reply, SignInRequest
from idp.core.ports import Ending
from idp.keys import Issuers
from idp.oidc import contexts, wanted
from idp.oidc.answers import encode, with_query
from idp.partners.oidc import oidc_settings
from idp.partners.registry import Partners

# RFC 6749 4.1.2.1, OIDC core 3.1.2.6, and OpenID Connect Unmet Authentication Requirements 1.0.
_ERRORS: Mapping[Reason, tuple[str, str]] = {
    Reason.LOGIN_REQUIRED: ("login_required", "The person is not signed in."),
    Reason.OTHER_PERSON: ("login_required", "Another person is signed in."),
    Reason.INTERACTION_REQUIRED: ("interaction_required", "The person has to be asked something."),
    Reason.CONSENT_REQUIRED: ("consent_required", "The person has to consent first."),
    Reason.CONTEXT: (
        "unmet_authentication_requirements",
        "The person could not be authenticated as asked by acr_values.",
    ),
    Reason.CANCELLED: ("access_denied", "The person cancelled."),
}
_OTHERWISE = ("access_denied", "The person may not sign in to this application.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcDoor:
    """Answers at the redirect URI; the client comes back for the grant with the code."""

    partners: Partners
    issuers: Issuers
    name: str = "oidc"
    keeps_grants: bool = True

    def answer(self, grant: Grant) -> Reply:
        """Return the reply with the code (OIDC core 3.1.2.5).

        Raises Denied when the claims parameter insists on what is not so, and BadMessage.
        """
        _check_insisted(grant)
        return self._said(grant.request, {"code": grant.handle})

    def deny(self, request: SignInRequest, denied: Denied) -> Reply:
        """Return the error reply (OIDC core 3.1.2.6). Raises BadMessage.

        The reference in it finds the entry in the log.
        """
        error, description = _ERRORS.get(denied.reason, _OTHERWISE)
        fields = {"error": error, "error_description": f"{description} Reference {denied.reference}."}
        return self._said(request, fields)

    def end(self, participant: Participant, *, chain: str) -> Ending:
        """Say how a client is told that a session ended.

        Its server is told by a message that was put into the outbox with the session's end
        (`signin.farewell`); a page of it by a frame (front-channel logout 3). Neither answers
        through the browser, so chain is not needed.
        """
        partner = self.partners.get(participant.partner)
        if partner is None:
            return Ending(supported=False)
        settings, frame = oidc_settings(partner), ""
        if settings.frontchannel_logout_uri:
            named = {"iss": self.issuers.get(partner.issuer).oidc, "sid": participant.id}
            frame = with_query(settings.frontchannel_logout_uri, named)
        return Ending(supported=bool(frame or settings.backchannel_logout_uri), frame=frame)

    def signed_out(self, finish: Mapping[str, str], *, complete: bool) -> Reply:
        """Return the reply to the client that started the sign-out.

        Its address is checked once more: the client may be gone by now. Raises BadMessage.
        """
        partner = self.partners.get(finish["partner"])
        address = finish["address"]
        if (
            partner is None
            or not partner.enabled
            or address not in oidc_settings(partner).post_logout_redirect_uris
        ):
            raise BadMessage("You are signed out. The application can't be reached from here any more.")
        state = {"state": finish["state"]} if "state" in finish else {}
        return Reply(address=with_query(address, state))

    def _said(self, request: SignInRequest, fields: Mapping[str, str]) -> Reply:
        partner = self.partners.get(request.partner)
        # The request may be an hour old: its address must still be one of the client's.
        if (
            partner is None
            or not partner.enabled
            or not oidc_settings(partner).redirects_to(request.reply_to)
        ):
            raise BadMessage(
                "The application asked to send you to an address that it has not registered.",
                detail="redirect_uri left the client's settings during the sign-in",
            )
        return encode(request, self.issuers.get(request.issuer), fields)


def _check_insisted(grant: Grant) -> None:
    """Refuse what would not be the answer that was insisted on (OIDC core 5.5.1, 5.5.1.1)."""
    essential = grant.request.echo.get("essential_acr", "").split()
    if essential and contexts.stated(grant, " ".join(essential)) not in essential:
        raise Denied("The requested kind of sign-in is not available for this person.", reason=Reason.CONTEXT)
    asked = wanted.from_echo(grant.request.echo)
    for member in (asked.id_token.get("sub"), asked.userinfo.get("sub")):
        if member is not None and not member.takes(grant.subject.value):
            raise Denied("Another person signed in than the one asked for.", reason=Reason.OTHER_PERSON)
