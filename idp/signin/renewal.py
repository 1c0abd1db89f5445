"""Check again whether a grant may still be said: at every code, refresh and userinfo call."""

from __future__ import annotations

from dataclasses import dataclass, replace

from idp.claims import release
from idp.core.errors import Denied, Reason
from idp.core.model import Grant, Network, SignIn
from idp.policy.model import Issue
from idp.sessions import Sessions
from idp.signin.judge import Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """Re-checks person, partner, session and policy behind a grant."""

    judge: Judge
    sessions: Sessions

    def __call__(self, grant: Grant) -> Grant:
        """Return the grant with today's claims. Raises Denied, or BadMessage without its partner.

        With offline access what was proved still counts when the session has ended.
        """
        with self.judge.store.read() as connection:
            session = self.sessions.kept(connection, grant.session, ended=grant.request.offline)
        if session is None or session.person != grant.person:
            raise Denied("The person signed out.", reason=Reason.LOGIN_REQUIRED)
        # What the partner asked of that one sign-in was met then; what rules ask is asked again.
        request = replace(grant.request, force=False, max_age=None, silent=True, confirm=())
        judged = self.judge(
            SignIn(
                id=grant.id,
                request=request,
                browser="",
                network=Network(address=grant.address),
                started_at=grant.issued_at,
                expires_at=grant.issued_at,
                proofs=session.proofs,
                session=session.id,
            ),
            session,
        )
        if judged.person is None or not isinstance(judged.decision.verdict, Issue):
            raise Denied("The person may not sign in any more.", reason=Reason.ACCESS)
        return replace(grant, claims=release(judged.person, judged.partner, wanted=request.wanted).claims)
