"""Build OpenID Connect on ground and hallway."""

from __future__ import annotations

from idp.app.ground import Ground
from idp.app.hallway import Hallway
from idp.oidc import logout as oidc_logout
from idp.oidc import pages as oidc_pages
from idp.oidc.authorize import Authorize
from idp.oidc.discovery import Discovery
from idp.oidc.door import OidcDoor
from idp.oidc.idtokens import IdTokens
from idp.oidc.token_endpoint import TokenEndpoint
from idp.oidc.userinfo import UserInfo
from idp.sessions import Subjects


def door(ground: Ground) -> OidcDoor:
    """Build the door."""
    return OidcDoor(partners=ground.partners, issuers=ground.issuers)


def pages(ground: Ground, hallway: Hallway) -> oidc_pages.OidcPages:
    """Build the addresses under /oidc and /.well-known."""
    partners, issuers = ground.partners, ground.issuers
    id_tokens = IdTokens(partners=partners, issuers=issuers, ring=ground.keys)
    return oidc_pages.OidcPages(
        signin=hallway.pages,
        authorize=Authorize(
            partners=partners, issuers=issuers, id_tokens=id_tokens, subjects=Subjects(ground.store)
        ),
        token=TokenEndpoint(
            partners=partners,
            issuers=issuers,
            grants=hallway.grants,
            flow=hallway.flow,
            id_tokens=id_tokens,
            clock=ground.clock,
        ),
        userinfo=UserInfo(grants=hallway.grants, flow=hallway.flow),
        discovery=Discovery(issuers=issuers, ring=ground.keys),
        logout=oidc_logout.Logout(
            partners=partners,
            id_tokens=id_tokens,
            sessions=ground.sessions,
            store=ground.store,
            clock=ground.clock,
        ),
    )
