"""The SAML door: what the hallway asks of this protocol, for every partner that speaks it."""

from __future__ import annotations

from collections.abc import Mapping

from idp.core.errors import BadMessage, Denied, Reason
from idp.core.model import Grant, Participant, Reply, SignInRequest
from idp.core.ports import Clock, Ending
from idp.keys import Issuers, KeyRing
from idp.partners.registry import Partners
from idp.partners.saml import HTTP_POST, saml_settings
from idp.saml import contexts, outbound
from idp.saml.contexts import Wanted
from idp.saml.gate import DOOR
from idp.saml.logout import Logout
from idp.saml.outbound import Voice
from idp.saml.writing import ALG

# A Subject in a request may name a person by any of these.
_NAMES_OF_A_PERSON = frozenset({"mail", "uid", "eduPersonPrincipalName"})


class SamlDoor:
    """Answers SAML partners; implements core.ports.Door."""

    name = DOOR
    keeps_grants = False

    def __init__(
        self, *, partners: Partners, issuers: Issuers, keys: KeyRing, logout: Logout, clock: Clock
    ) -> None:
        self._partners = partners
        self._issuers = issuers
        self._keys = keys
        self._logout = logout
        self._clock = clock

    def answer(self, grant: Grant) -> Reply:
        """Return the posted Response that says the grant.

        Raises Denied when what the partner asked for is not true of the sign-in, and BadMessage
        when the partner or its address is gone meanwhile.
        """
        asked = grant.request.echo.get("subject")
        if asked is not None and not _is_about(asked, grant):
            raise Denied("Another person signed in than the one asked for.", reason=Reason.OTHER_PERSON)
        context = contexts.spoken(Wanted.from_echo(grant.request.echo), grant)
        return outbound.say(grant, context=context, voice=self._voice(grant.request))

    def deny(self, request: SignInRequest, denied: Denied) -> Reply:
        """Return the posted Response that says no, signed so that nobody can invent it."""
        return outbound.refuse(request, denied, voice=self._voice(request))

    def end(self, participant: Participant, *, chain: str) -> Ending:
        """Return the signed LogoutRequest for a partner that has an endpoint for it."""
        return self._logout.end(participant, chain=chain)

    def signed_out(self, finish: Mapping[str, str], *, complete: bool) -> Reply:
        """Return the signed LogoutResponse to the partner that asked for the sign-out."""
        return self._logout.answer(finish, complete=complete)

    def _voice(self, request: SignInRequest) -> Voice:
        partner = self._partners.get(request.partner)
        if partner is None or not partner.enabled:
            raise BadMessage("The application is not known here any more, or was switched off.")
        settings = saml_settings(partner)
        # The request may be minutes old: its address must still be one of the partner's.
        if not any(
            endpoint.location == request.reply_to and endpoint.binding == HTTP_POST
            for endpoint in settings.acs
        ):
            raise BadMessage(
                "The application asked for an answer at an address that it is not registered with.",
                detail="reply_to left the partner's metadata during the sign-in",
            )
        issuer = self._issuers.get(partner.issuer)
        return Voice(
            issuer=issuer,
            signer=self._keys.signer(issuer.key_set, ALG),
            partner=partner,
            settings=settings,
            now=self._clock.now(),
        )


def _is_about(asked: str, grant: Grant) -> bool:
    """Say whether the answer is about the person that the request's Subject names (core 3.4.1)."""
    if asked == grant.subject.value:
        return True
    known = {claim.value.casefold() for claim in grant.claims if claim.type in _NAMES_OF_A_PERSON}
    return asked.casefold() in known
