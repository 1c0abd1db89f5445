"""Sign people in to our own pages: a door without a protocol, to which nobody outside can knock.

What was granted is kept in state under the session it belongs to, so that it needs no cookie of its
own and is gone with the session. If state loses it, the next request walks the hallway again, which
asks for nothing as long as the session's proofs are good enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from idp.core import codec
from idp.core.errors import BadMessage, Denied, Reason
from idp.core.model import (
    Grant,
    Issuer,
    Participant,
    Person,
    Reply,
    SignInRequest,
    Strength,
    SubjectForm,
    Visit,
)
from idp.core.ports import Ending, State
from idp.keys import Issuers
from idp.partners.own import DOOR, RESET
from idp.signin.flow import Flow
from idp.signin.steps import Step

_LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDoor:
    """Answers our own pages (port `Door`)."""

    issuers: Issuers
    state: State
    name: str = DOOR
    keeps_grants: bool = False

    def answer(self, grant: Grant) -> Reply:
        """Keep the grant for the page and go there."""
        self.state.put(_key(grant.request.partner, grant.session), codec.dump(grant), _LASTS)
        return Reply(address=grant.request.reply_to)

    def deny(self, request: SignInRequest, denied: Denied) -> Reply:
        """Go to the first page, which needs nobody to be signed in; back to where a wish came from."""
        if request.reset or (request.register and denied.reason is Reason.CANCELLED):
            return Reply(address=request.reply_to)
        return Reply(address=self.issuers.default().base_url + "/")

    def end(self, participant: Participant, *, chain: str) -> Ending:
        """Say that nothing is left to do: our pages ask for the session at each request."""
        return Ending(supported=True, ours=True)

    def signed_out(self, finish: Mapping[str, str], *, complete: bool) -> Reply:
        """Go to the first page; our own pages start sign-outs without a door."""
        return Reply(address=self.issuers.default().base_url + "/")


def wish(issuer: Issuer, partner: str, path: str) -> SignInRequest:
    """Return one of our own pages' request for a sign-in that ends at a path of ours."""
    return SignInRequest(
        door=DOOR,
        issuer=issuer.id,
        partner=partner,
        reply_to=issuer.base_url + path,
        subject=SubjectForm.PUBLIC,
    )


def forgotten(issuer: Issuer, back: str, *, locale: str = "") -> SignInRequest:
    """Return the request of who forgot the password; back is where they go on, with a new one or without.

    It begins with nothing proved, whoever is signed in on the browser, and is never answered.
    """
    return replace(wish(issuer, RESET, back), force=True, reset=True, locale=locale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """Lets people into one of our own pages.

    partner is its id. Whatever rules say, strength is needed, and proofs no older than fresh.
    """

    partner: str
    strength: Strength
    fresh: timedelta
    flow: Flow
    issuers: Issuers
    state: State

    def enter(self, path: str, visit: Visit, *, as_another: bool = False, register: str = "") -> Step:
        """Begin the sign-in that ends at a path of ours.

        as_another asks which account is meant, register has a method of that factor set up.
        """
        request = replace(
            wish(self.issuers.default(), self.partner, path),
            max_age=int(self.fresh.total_seconds()),
            strength=self.strength,
            confirm=("account",) if as_another else (),
            register=register,
        )
        return self.flow.begin(request, visit)

    def who(self, visit: Visit) -> Person | None:
        """Return who may be here now: person, session and policy are asked again at each request."""
        judge, sessions = self.flow.judge, self.flow.issuing.sessions
        now = judge.clock.now()
        with judge.store.read() as connection:
            session = sessions.live(connection, visit.session, now)
        held = self.state.get(_key(self.partner, session.id)) if session else None
        grant = codec.load(Grant, held.value) if held else None
        if session is None or grant is None or grant.person != session.person:
            return None
        if now - grant.authenticated_at > self.fresh:
            return None
        try:
            # A cookie that was carried off is asked about where it is now, not where it was made.
            self.flow.renew(replace(grant, address=visit.network.address))
        except (Denied, BadMessage):
            return None  # the hallway says why
        with judge.store.read() as connection:
            return judge.people.get(connection, session.person)


def _key(partner: str, session: str) -> str:
    return f"local:{partner}:{session}"
