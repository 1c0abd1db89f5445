"""The addresses of OpenID Connect: what comes over HTTP goes to the room, and its answers back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from idp.core.errors import BadMessage, Unavailable
from idp.core.model import Reply
from idp.keys import KEY_SET_KEPT
from idp.oidc import logout, parameters
from idp.oidc.authorize import Authorize
from idp.oidc.client_request import FORM, Post
from idp.oidc.discovery import Discovery, Document
from idp.oidc.introspection import Introspection
from idp.oidc.json_answer import JsonAnswer
from idp.oidc.logout import Logout
from idp.oidc.parameters import LONGEST, Parameters
from idp.oidc.push_endpoint import PushEndpoint
from idp.oidc.revocation import Revocation
from idp.oidc.token_endpoint import TokenEndpoint
from idp.oidc.userinfo import UserInfo
from idp.partners.origins import BrowserOrigins
from idp.signin.pages import SignInPages, see
from idp.web import reply
from idp.web.harmless import not_by_head
from idp.web.visit import visit_of

# Partners' pages and programs post to these from elsewhere.
_CLIENTS = ("oidc.token", "oidc.introspect", "oidc.revoke", "oidc.push")
OPEN_ENDPOINTS = ("oidc.authorize", *_CLIENTS, "oidc.userinfo", "oidc.logout")
JSON_ENDPOINTS = (*_CLIENTS, "oidc.userinfo", "oidc.configuration", "oidc.keys")

# Scripts of any origin may read these, and never with cookies: what they say is public or
# opened by a token.
_ANY_ORIGIN = frozenset({"oidc.configuration", "oidc.keys", "oidc.userinfo"})
# These are for applications without a server, at home in the browser, and for their origins only.
_OWN_ORIGIN = frozenset({"oidc.token", "oidc.revoke", "oidc.push"})
_LOCALES = 200  # characters of ui_locales that are looked at
_CORS = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "3600",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcPages:
    """What the addresses need."""

    signin: SignInPages
    authorize: Authorize
    token: TokenEndpoint
    introspection: Introspection
    revocation: Revocation
    push: PushEndpoint
    origins: BrowserOrigins
    userinfo: UserInfo
    discovery: Discovery
    logout: Logout

    def blueprint(self) -> Blueprint:
        """Return the routes; give OPEN_ENDPOINTS and JSON_ENDPOINTS to the application."""
        blueprint = Blueprint("oidc", __name__)
        route, form = blueprint.add_url_rule, ["GET", "POST"]
        route("/.well-known/openid-configuration", "configuration", self._configuration)
        route("/oidc/jwks", "keys", self._keys)
        route("/oidc/authorize", "authorize", not_by_head(self._authorize), methods=form)
        route("/oidc/par", "push", self._push, methods=["POST"])
        route("/oidc/token", "token", self._token, methods=["POST"])
        route("/oidc/introspect", "introspect", self._introspect, methods=["POST"])
        route("/oidc/revoke", "revoke", self._revoke, methods=["POST"])
        route("/oidc/userinfo", "userinfo", self._userinfo, methods=form)
        route("/oidc/logout", "logout", not_by_head(self._logout), methods=form)
        blueprint.after_request(self._open_to_scripts)
        return blueprint

    # For browsers -----------------------------------------------------------------------------
    def _authorize(self) -> Response:
        asked = self.authorize(_sent())
        if isinstance(asked, Reply):
            return reply.respond(asked)
        if request.method == "POST":
            return self.signin.arrive(asked)
        return self.signin.respond(self.signin.flow.begin(asked, visit_of(request)))

    def _logout(self) -> Response:
        sent = _sent()
        if request.method == "POST":
            # A POST from another site brings no Lax cookie: the session is seen at the GET.
            return see("/oidc/logout?" + urlencode(_known(sent)))
        visit = visit_of(request)
        leaving = self.logout(sent, visit)
        if leaving.ask:
            locale = sent.get("ui_locales")[:_LOCALES]
            return self.signin.ask_signout(leaving.finish_door, leaving.finish, locale=locale)
        step = self.signin.signout.begin(
            visit,
            finish_door=leaving.finish_door,
            finish=leaving.finish,
            asker=leaving.participant.id if leaving.participant else "",
        )
        return self.signin.respond_logout(step)

    # For programs -----------------------------------------------------------------------------
    def _token(self) -> Response:
        return _json(self.token(_post()))

    def _push(self) -> Response:
        return _json(self.push(_post()))

    def _introspect(self) -> Response:
        return _json(self.introspection(_post()))

    def _revoke(self) -> Response:
        return _json(self.revocation(_post()))

    def _userinfo(self) -> Response:
        answer = self.userinfo(
            authorization=request.headers.get("Authorization", ""),
            content_type=request.headers.get("Content-Type", "") if request.method == "POST" else "",
            body=_body(),
        )
        return _json(answer)

    def _configuration(self) -> Response:
        return _document(self.discovery.configuration())

    def _keys(self) -> Response:
        return _document(self.discovery.keys())

    def _open_to_scripts(self, response: Response) -> Response:
        origin = request.headers.get("Origin", "")
        if request.endpoint in _ANY_ORIGIN:
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers.update(_CORS)
        elif request.endpoint in _OWN_ORIGIN:
            response.vary.add("Origin")
            if self._at_home(origin):
                response.headers["Access-Control-Allow-Origin"] = origin
                response.headers.update(_CORS)
        return response

    def _at_home(self, origin: str) -> bool:
        try:
            return bool(origin) and origin in self.origins
        except Unavailable:
            # The answer, that we can't answer now, is made already.
            return False


def _sent() -> Parameters:
    if request.method != "POST":
        return parameters.read(request.query_string)
    if request.mimetype != FORM or request.query_string:
        # One place for parameters only: two could be read as two different requests.
        raise BadMessage("This request could not be read.", detail="POST with a query or no form")
    return parameters.read(_body())


def _post() -> Post:
    visit = visit_of(request)
    return Post(
        authorization=request.headers.get("Authorization", ""),
        content_type=request.headers.get("Content-Type", ""),
        query=request.query_string,
        body=_body(),
        address=visit.network.address,
        correlation=visit.correlation,
    )


def _body() -> bytes:
    request.max_content_length = LONGEST
    return request.get_data(cache=False)


def _known(sent: Parameters) -> dict[str, str]:
    if sent.repeated:
        raise BadMessage("The application sent an ambiguous request.", detail="repeated parameter")
    return {name: sent.get(name) for name in logout.PARAMETERS if sent.get(name)}


def _json(answer: JsonAnswer) -> Response:
    body = json.dumps(answer.body) if answer.body else ""
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache", **answer.headers}
    return Response(body, status=answer.status, mimetype="application/json", headers=headers)


def _document(document: Document) -> Response:
    response = Response(document.body, mimetype="application/json")
    # Short enough that a key change made in a hurry is seen.
    response.headers["Cache-Control"] = f"public, max-age={int(KEY_SET_KEPT.total_seconds())}"
    response.set_etag(document.etag)
    response.make_conditional(request)
    return response
