"""Tell partners' servers by SOAP that a session ended (profiles 4.4, bindings 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from idp import signedxml
from idp.audit import AuditLog, Entry, Event
from idp.core import codec
from idp.core.errors import BadMessage
from idp.core.model import Participant, Partner
from idp.jobs import Message, Outcome
from idp.jobs.outbox import TRIES
from idp.net import Blocked, HttpClient, Unanswered
from idp.partners.registry import Partners
from idp.partners.saml import SloEndpoint, saml_settings
from idp.saml import soap
from idp.saml.logout import Logout, succeeded
from idp.saml.writing import SAML, SAMLP
from idp.store import Unit

_RESPONSE = f"{SAMLP}LogoutResponse"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_HEADERS = {
    "Content-Type": f"{soap.MEDIA_TYPE}; charset=utf-8",
    "SOAPAction": '"http://www.oasis-open.org/committees/security"',  # bindings 3.2.3.1
    "Cache-Control": "no-cache, no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackChannel:
    """Handles the messages that `signin.farewell` left for partners of this door."""

    partners: Partners
    logout: Logout
    audit: AuditLog
    http: HttpClient

    def __call__(self, message: Message) -> Outcome:
        """Send one LogoutRequest; a server in trouble is tried again, with a message of its own."""
        participant = codec.load(Participant, message.payload["participant"])
        partner = self.partners.get(participant.partner)
        endpoint = saml_settings(partner).soap_logout if partner is not None else None
        if partner is None or not partner.enabled or endpoint is None:
            return Outcome()
        problem, again = self._send(participant, partner, endpoint)
        if not problem:
            return Outcome()
        if again and message.tries < TRIES:
            return Outcome(error=problem, again=True)
        return Outcome(error=problem, note=lambda unit: self._record(unit, participant, problem))

    def _send(self, participant: Participant, partner: Partner, endpoint: SloEndpoint) -> tuple[str, bool]:
        """Return what went wrong, "" for nothing, and whether another try may go better."""
        request = self.logout.signed(self.logout.request(participant, partner, endpoint), partner)
        try:
            answer = self.http.post(endpoint.location, soap.enveloped(request), headers=_HEADERS)
        except Blocked:
            return "blocked", False
        except Unanswered:
            return "unanswered", True
        if answer.status != 200:
            # A fault says that the message was not understood: it will not be the next time either.
            return f"status {answer.status}", answer.status > 500
        try:
            return self._heard(answer.body, partner, request.get("ID", "")), False
        except BadMessage as error:
            return f"an answer that is not understood: {error.detail}"[:200], False

    def _heard(self, data: bytes, partner: Partner, asked: str) -> str:
        """Return what a partner's answer says went wrong, "" for nothing. Raises BadMessage.

        TLS says whose answer it is (profiles 4.4.4.2); a signature that is there must hold all the same.
        """
        response = soap.opened(data)
        if response.tag != _RESPONSE:
            return "another answer than asked for"
        signedxml.validate(response)
        if response.find(_SIGNATURE) is not None:
            settings = saml_settings(partner)
            allow = self.logout.gate.algorithms(settings)
            response = signedxml.verify(
                response, tag=_RESPONSE, certificates=settings.certificates, allow=allow
            )
        if response.get("InResponseTo") != asked or _sender(response) not in ("", partner.identifier):
            return "an answer to something else"
        return "" if succeeded(response) else "not signed out"

    def _record(self, unit: Unit, participant: Participant, problem: str) -> None:
        entry = Entry(
            event=Event.SIGN_OUT_FAILED,
            person=participant.person,
            partner=participant.partner,
            detail={"way": "soap", "problem": problem},
        )
        self.audit.record(unit, entry)


def _sender(response: etree._Element) -> str:
    return (response.findtext(f"{SAML}Issuer") or "").strip()
