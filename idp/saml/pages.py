"""The addresses of SAML: what comes over HTTP goes to the room, and its answers back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from flask import Blueprint, Response, request

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import BadMessage, Denied
from idp.core.model import SignInRequest, Visit
from idp.partners.registry import Partners
from idp.saml import soap
from idp.saml.door import SamlDoor
from idp.saml.gate import DOOR
from idp.saml.inbound import LAUNCH_PATH, SSO_PATH, Inbound, started
from idp.saml.logout import SLO_PATH, SOAP_PATH, Came, Logout
from idp.saml.metadata import MEDIA_TYPE, Metadata
from idp.signin.pages import SignInPages, see
from idp.store import Store
from idp.web import reply
from idp.web.harmless import not_by_head
from idp.web.visit import visit_of

# Partners' pages post to these from elsewhere.
OPEN_ENDPOINTS = ("saml.sso", "saml.slo", "saml.slo_by_soap")
METADATA_PATH = "/saml/metadata"
_LONGEST_BODY = 512 * 1024
_FIELDS = ("SAMLRequest", "SAMLResponse", "RelayState")
_log = structlog.get_logger(__name__)
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
        route(f"{SLO_PATH}/<kept>", "slo_kept", not_by_head(self._slo_kept))
        route(SOAP_PATH, "slo_by_soap", self._slo_by_soap, methods=["POST"])
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
            return see(f"{SLO_PATH}/{self.logout.by_post(_form())}")
        raw = _raw_query()
        return self._sign_out(
            self.logout.by_redirect(raw, "SAMLResponse" if _ANSWER.search(raw) else "SAMLRequest")
        )

    def _slo_kept(self, kept: str) -> Response:
        return self._sign_out(self.logout.kept(kept))

    def _sign_out(self, came: Came) -> Response:
        visit, signout = visit_of(request), self.signin.signout
        if came.heard is not None:
            heard = came.heard
            step = signout.heard(heard.chain, partner=heard.partner, ok=heard.ok, visit=visit)
            return self.signin.respond_logout(step)
        asked = came.asked
        if asked is None or not (asked.participants or asked.finish_door):
            raise BadMessage("The application asked to sign out somebody who is not signed in.")
        if not asked.participants:
            return reply.respond(self.door.signed_out(asked.finish, complete=False))
        step = signout.begin_for(
            asked.participants, visit, finish_door=asked.finish_door, finish=asked.finish
        )
        return self.signin.respond_logout(step)

    def _slo_by_soap(self) -> Response:
        """Answer a partner's server; what can't be answered in SAML gets a SOAP fault."""
        request.max_content_length = _LONGEST_BODY
        try:
            asked = self.logout.by_soap(request.get_data(cache=False))
        except BadMessage as error:
            _log.warning("refused", kind="soap", detail=error.detail, ref=error.reference)
            # SOAP 1.1 section 6.2: a fault comes with 500.
            return Response(soap.fault(error), status=500, mimetype=soap.MEDIA_TYPE)
        complete = self.signin.signout.end_behind(asked.participants, visit_of(request))
        body = self.logout.answer_by_soap(asked, complete=complete)
        return Response(body, mimetype=soap.MEDIA_TYPE)

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
