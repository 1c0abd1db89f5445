"""The addresses of SAML: what comes over HTTP goes to the room, and its answers back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, request

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import BadMessage, Denied
from idp.core.model import SignInRequest, Visit
from idp.partners.registry import Partners
from idp.saml.door import SamlDoor
from idp.saml.gate import DOOR
from idp.saml.inbound import LAUNCH_PATH, SSO_PATH, Inbound, started
from idp.saml.logout import SLO_PATH, Logout
from idp.saml.metadata import MEDIA_TYPE, Metadata
from idp.signin.pages import SignInPages
from idp.store import Store
from idp.web import reply
from idp.web.harmless import not_by_head
from idp.web.visit import visit_of

# Partners' pages post to these from elsewhere.
OPEN_ENDPOINTS = ("saml.sso", "saml.slo")
METADATA_PATH = "/saml/metadata"
_LONGEST_BODY = 512 * 1024
_FIELDS = ("SAMLRequest", "RelayState")
_ANSWER = re.compile(r"(?:^|&)SAMLResponse=")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlPages:
    """What the addresses need."""

    signin: SignInPages
    inbound: Inbound
    door: SamlDoor
    logout: Logout
    metadata: Metadata
    partners: Partners
    store: Store
    audit: AuditLog

    def blueprint(self) -> Blueprint:
        """Return the routes; give OPEN_ENDPOINTS to the application."""
        blueprint = Blueprint("saml", __name__)
        route, both = blueprint.add_url_rule, ["GET", "POST"]
        route(SSO_PATH, "sso", not_by_head(self._sso), methods=both)
        route(SLO_PATH, "slo", not_by_head(self._slo), methods=both)
        route(f"{LAUNCH_PATH}<partner>", "launch", not_by_head(self._launch))
        route(METADATA_PATH, "metadata", self._metadata)
        return blueprint

    def _sso(self) -> Response:
        visit = visit_of(request)
        if request.method == "POST":
            arrival = self.inbound.by_post(_form())
        else:
            arrival = self.inbound.by_redirect(_raw_query())
        if arrival.denied is not None:
            return self._turned_away(arrival.request, arrival.denied, visit)
        if request.method == "POST":
            # A cross-site POST brings no Lax cookies: the sign-in begins at the GET that follows.
            return self.signin.arrive(arrival.request)
        return self.signin.respond(self.signin.flow.begin(arrival.request, visit))

    def _launch(self, partner: str) -> Response:
        known = self.partners.get(partner)
        if known is None or known.door != DOOR or not known.enabled:
            raise BadMessage("This application can’t be opened from here. Open the application itself.")
        return self.signin.respond(self.signin.flow.begin(started(known), visit_of(request)))

    def _slo(self) -> Response:
        if request.method == "POST":
            raise BadMessage(
                "Sign-out by this way is not supported. Use the application's other sign-out.",
                detail="logout by HTTP-POST",
            )
        visit, raw = visit_of(request), _raw_query()
        if _ANSWER.search(raw):
            heard = self.logout.heard(raw)
            step = self.signin.signout.heard(heard.chain, partner=heard.partner, ok=heard.ok, visit=visit)
            return self.signin.respond_logout(step)
        asked = self.logout.asked(raw, visit)
        if asked.participant is not None:
            step = self.signin.signout.begin_for(
                asked.participant, visit, finish_door=asked.finish_door, finish=asked.finish
            )
            return self.signin.respond_logout(step)
        if not asked.finish_door:
            raise BadMessage("The application asked to sign out somebody who is not signed in.")
        return reply.respond(self.door.signed_out(asked.finish, complete=False))

    def _turned_away(self, denied_request: SignInRequest, denied: Denied, visit: Visit) -> Response:
        entry = Entry(
            event=Event.TOKEN_DENIED,
            partner=denied_request.partner,
            verdict="deny",
            reason=denied.reason.value,
            correlation=visit.correlation,
            reference=denied.reference,
            address=visit.network.address,
        )
        with self.store.write() as unit:
            self.audit.record(unit, entry)
        return reply.respond(self.door.deny(denied_request, denied))

    def _metadata(self) -> Response:
        document = self.metadata.document()
        response = Response(document.body, mimetype=MEDIA_TYPE)
        response.headers["Cache-Control"] = "public, max-age=3600"
        response.set_etag(document.etag)
        response.make_conditional(request)
        return response


def _raw_query() -> str:
    # As it came: the signature is over these octets, and nothing may have decoded them before.
    return str(request.environ.get("QUERY_STRING", ""))


def _form() -> Mapping[str, str]:
    """Return the form's SAML fields, each sent once. Raises BadMessage."""
    request.max_content_length = request.max_form_memory_size = _LONGEST_BODY
    for name in _FIELDS:
        if len(request.form.getlist(name)) > 1:
            raise BadMessage(
                "The message from the application is damaged or incomplete.", detail=f"two {name}"
            )
    return {name: request.form[name] for name in _FIELDS if name in request.form}
