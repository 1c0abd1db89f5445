"""Make what a client gets for a person's grant: at the first time, and at each refresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from idp.audit import AuditLog, Entry, Event
from idp.core.model import Grant
from idp.core.ports import Clock
from idp.oidc.access_tokens import AccessTokens, Made
from idp.oidc.apis import Apis
from idp.oidc.client_auth import Client
from idp.oidc.client_request import ClientRequest
from idp.oidc.errors import OAuthError
from idp.oidc.idtokens import IdTokens
from idp.sessions import Families, Grants, Lifetimes, Tokens
from idp.sessions.families import Family
from idp.store import Store, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswers:
    """Makes tokens from a grant that was just renewed, and keeps them in one unit of work."""

    store: Store
    clock: Clock
    apis: Apis
    access: AccessTokens
    id_tokens: IdTokens
    grants: Grants
    tokens: Tokens
    families: Families
    lifetimes: Lifetimes
    audit: AuditLog

    def first(self, request: ClientRequest, client: Client, grant: Grant) -> dict[str, object]:
        """Return the tokens for a code, to exactly one caller. Raises OAuthError."""
        scopes = grant.request.echo.get("scope", "").split()
        made = self._made(request, client, grant, scopes)
        answer = made.said() | self._id_token(client, grant, made, again=False)
        ends = grant.issued_at + self.lifetimes.refresh if grant.request.offline else grant.session_ends
        refresh = client.settings.refresh and ends > self.clock.now()
        until = (ends if refresh else self.clock.now()) + self.lifetimes.access
        with self.store.write() as unit:
            mine = self.grants.redeem(unit, request.get("code"), partner=client.partner.id)
            if mine:
                self.grants.extend(unit, grant.id, until=until)
                self.tokens.add(unit, made.secret, made.token)
                if refresh:
                    answer["refresh_token"] = self.families.start(unit, grant, ends_at=ends)
                self._record(unit, Event.GRANT_REDEEMED, request, grant, made)
        if not mine:
            raise over()
        return answer

    def next(
        self, request: ClientRequest, client: Client, family: Family, grant: Grant, scopes: Sequence[str]
    ) -> dict[str, object]:
        """Return the tokens for a refresh token, with the refresh token that comes after it.

        One that was used before takes back all that its grant gave. Raises OAuthError.
        """
        made = self._made(request, client, grant, scopes)
        answer = made.said()
        if "openid" in scopes:
            answer |= self._id_token(client, grant, made, again=True)
        with self.store.write() as unit:
            if not self.grants.extend(unit, grant.id, until=family.ends_at + self.lifetimes.access):
                raise over()
            turned = self.families.turn(unit, request.get("refresh_token"))
            if turned is None:
                self.grants.revoke(unit, grant.id)
                self._record(unit, Event.REFRESH_REPLAYED, request, grant, None)
            else:
                self.tokens.add(unit, made.secret, made.token)
                self._record(unit, Event.GRANT_REFRESHED, request, grant, made, again=turned.again)
        if turned is None:
            raise over()
        return answer | {"refresh_token": turned.secret}

    def _made(self, request: ClientRequest, client: Client, grant: Grant, scopes: Sequence[str]) -> Made:
        asked, bound = request.get("resource"), grant.request.echo.get("resource", "")
        if asked and bound and asked != bound:
            raise OAuthError("invalid_target", "The person was asked about another resource.")
        return self.access.make(
            client.partner, self.apis.target(client.settings, asked or bound, scopes), grant
        )

    def _id_token(self, client: Client, grant: Grant, made: Made, *, again: bool) -> dict[str, object]:
        id_token = self.id_tokens.make(
            grant,
            partner=client.partner,
            access_token=made.secret,
            now=self.clock.now(),
            again=again,
        )
        return {"id_token": id_token}

    def _record(
        self,
        unit: Unit,
        event: Event,
        request: ClientRequest,
        grant: Grant,
        made: Made | None,
        *,
        again: bool = False,
    ) -> None:
        detail: dict[str, object] = {"grant": grant.id}
        if made is not None:
            detail |= {"scope": made.token.scope, "audience": made.token.audience, "again": again}
        self.audit.record(
            unit,
            Entry(
                event=event,
                person=grant.person,
                partner=grant.request.partner,
                verdict="deny" if made is None else "issue",
                correlation=request.correlation,
                detail=detail,
                address=request.address,
            ),
        )


def over() -> OAuthError:
    """Return the error for a code, refresh token or sign-in that holds no longer, or never did."""
    return OAuthError("invalid_grant", "This is unknown, expired, revoked, or was used before.")
