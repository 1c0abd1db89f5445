"""Read a client's request to sign the person out (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idp.core.errors import BadMessage
from idp.core.model import Participant, Partner, Visit
from idp.core.ports import Clock
from idp.oidc.idtokens import Hint, IdTokens
from idp.oidc.parameters import Parameters
from idp.partners.oidc import oidc_settings
from idp.partners.registry import Partners
from idp.sessions import Sessions
from idp.store import Store

_LONGEST_STATE = 4096
PARAMETERS = (
    "id_token_hint",
    "client_id",
    "post_logout_redirect_uri",
    "state",
    "logout_hint",
    "ui_locales",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What to do: whether the person must confirm, who asked, and where to go in the end.

    finish_door "" means that the end is our own page.
    """

    ask: bool
    participant: Participant | None
    finish_door: str
    finish: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout:
    """Decides how far a sign-out request is to be believed."""

    partners: Partners
    id_tokens: IdTokens
    sessions: Sessions
    store: Store
    clock: Clock

    def __call__(self, parameters: Parameters, visit: Visit) -> Leaving:
        """Return what the request amounts to for this browser.

        Any page can send a browser here, so without an ID token from this very session the
        person is asked. Raises BadMessage instead of going on to an address that the client
        did not register, character by character, or when the hint is not one of our tokens.
        """
        if parameters.repeated:
            raise BadMessage("The application sent an ambiguous request.", detail="repeated parameter")
        hint = self._hint(parameters)
        partner = self._partner(parameters, hint)
        participant, live = self._here(visit, hint)
        finish = _finish(parameters, partner)
        return Leaving(
            ask=live and participant is None,
            participant=participant,
            finish_door="oidc" if finish else "",
            finish=finish,
        )

    def _hint(self, parameters: Parameters) -> Hint | None:
        token = parameters.get("id_token_hint")
        if not token:
            return None
        hint = self.id_tokens.read(token)
        if hint is None:
            raise BadMessage(
                "The application’s request to sign you out is not valid.", detail="id_token_hint is not ours"
            )
        return hint

    def _partner(self, parameters: Parameters, hint: Hint | None) -> Partner | None:
        client_id = parameters.get("client_id")
        if hint is None:
            return self.partners.find("oidc", client_id)
        if client_id not in {"", hint.partner.identifier}:
            raise BadMessage(
                "The application’s request to sign you out is not valid.", detail="client_id and hint differ"
            )
        return hint.partner

    def _here(self, visit: Visit, hint: Hint | None) -> tuple[Participant | None, bool]:
        """Return the client's part in this browser's session if the hint names it, and if there is one."""
        with self.store.read() as connection:
            session = self.sessions.live(connection, visit.session, self.clock.now())
            if session is None or hint is None:
                return None, session is not None
            participant = self.sessions.participant(connection, hint.participant)
        named = (
            participant is not None
            and participant.session == session.id
            and participant.partner == hint.partner.id
            and participant.subject.value == hint.subject
        )
        return (participant if named else None), True


def _finish(parameters: Parameters, partner: Partner | None) -> Mapping[str, str]:
    address = parameters.get("post_logout_redirect_uri")
    if not address or partner is None:
        # Without a client nothing vouches for the address: we end on our own page.
        return {}
    if not partner.enabled or address not in oidc_settings(partner).post_logout_redirect_uris:
        raise BadMessage(
            "The application asked to send you to an address that it has not registered.",
            detail=f"post_logout_redirect_uri of client {partner.identifier}",
        )
    finish = {"partner": partner.id, "address": address}
    state = parameters.get("state")
    return {**finish, "state": state} if 0 < len(state) <= _LONGEST_STATE else finish
