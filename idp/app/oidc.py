"""Build OpenID Connect on ground and hallway."""

from __future__ import annotations

from idp.app.ground import Ground
from idp.app.hallway import Hallway
from idp.oidc import logout as oidc_logout
from idp.oidc import pages as oidc_pages
from idp.oidc.access_tokens import AccessTokens
from idp.oidc.apis import Apis
from idp.oidc.authorize import Authorize
from idp.oidc.client_auth import Clients
from idp.oidc.discovery import Discovery
from idp.oidc.door import OidcDoor
from idp.oidc.idtokens import IdTokens
from idp.oidc.introspection import Introspection
from idp.oidc.machine_grant import Machines
from idp.oidc.push_endpoint import PushEndpoint
from idp.oidc.pushed import PushedRequests
from idp.oidc.revocation import Revocation
from idp.oidc.token_answers import TokenAnswers
from idp.oidc.token_endpoint import TokenEndpoint
from idp.oidc.userinfo import UserInfo
from idp.partners.jwks_uri import PublishedKeys
from idp.partners.origins import BrowserOrigins
from idp.sessions import Families, Subjects, Tokens


def door(ground: Ground) -> OidcDoor:
    """Build the door."""
    return OidcDoor(partners=ground.partners, issuers=ground.issuers)


def pages(ground: Ground, hallway: Hallway) -> oidc_pages.OidcPages:
    """Build the addresses under /oidc and /.well-known."""
    partners, issuers = ground.partners, ground.issuers
    id_tokens = IdTokens(partners=partners, issuers=issuers, ring=ground.keys)
    clients = _clients(ground)
    requests = PushedRequests(state=ground.state, store=ground.store, clock=ground.clock)
    authorize = Authorize(
        partners=partners,
        issuers=issuers,
        id_tokens=id_tokens,
        subjects=Subjects(ground.store),
        pushed=requests,
    )
    tokens = Tokens(ground.store, ground.clock)
    families = Families(ground.store, ground.clock, idle=ground.sessions.lifetimes.refresh_idle)
    return oidc_pages.OidcPages(
        signin=hallway.pages,
        authorize=authorize,
        push=PushEndpoint(clients=clients, authorize=authorize, requests=requests),
        origins=BrowserOrigins(ground.store),
        token=_token_endpoint(ground, hallway, clients, tokens, families, id_tokens),
        introspection=Introspection(
            clients=clients,
            partners=partners,
            issuers=issuers,
            tokens=tokens,
            families=families,
            flow=hallway.flow,
        ),
        revocation=Revocation(
            clients=clients,
            issuers=issuers,
            store=ground.store,
            grants=hallway.grants,
            tokens=tokens,
            families=families,
            audit=ground.audit,
        ),
        userinfo=UserInfo(tokens=tokens, flow=hallway.flow),
        discovery=Discovery(issuers=issuers, ring=ground.keys),
        logout=oidc_logout.Logout(
            partners=partners,
            id_tokens=id_tokens,
            sessions=ground.sessions,
            store=ground.store,
            clock=ground.clock,
        ),
    )


def _clients(ground: Ground) -> Clients:
    return Clients(
        partners=ground.partners,
        published=PublishedKeys(ground.http, ground.clock),
        issuers=ground.issuers,
        store=ground.store,
        clock=ground.clock,
        audit=ground.audit,
    )


def _token_endpoint(
    ground: Ground,
    hallway: Hallway,
    clients: Clients,
    tokens: Tokens,
    families: Families,
    id_tokens: IdTokens,
) -> TokenEndpoint:
    apis, lifetimes = Apis(partners=ground.partners), ground.sessions.lifetimes
    access = AccessTokens(issuers=ground.issuers, ring=ground.keys, clock=ground.clock, lifetimes=lifetimes)
    return TokenEndpoint(
        clients=clients,
        issuers=ground.issuers,
        store=ground.store,
        grants=hallway.grants,
        families=families,
        flow=hallway.flow,
        answers=TokenAnswers(
            store=ground.store,
            clock=ground.clock,
            apis=apis,
            access=access,
            id_tokens=id_tokens,
            grants=hallway.grants,
            tokens=tokens,
            families=families,
            lifetimes=lifetimes,
            audit=ground.audit,
        ),
        machines=Machines(store=ground.store, apis=apis, access=access, tokens=tokens, audit=ground.audit),
    )
