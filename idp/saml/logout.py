"""Single logout: ask partners, hear them, and be asked, by Redirect, POST and SOAP (profiles 4.4)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from lxml import etree
from saml2 import samlp

from idp import signedxml
from idp.core import codec
from idp.core.errors import BadMessage
from idp.core.ids import new_id
from idp.core.model import Issuer, Participant, Partner, Reply
from idp.core.ports import Ending
from idp.keys import KeyRing
from idp.partners.saml import HTTP_POST, SloEndpoint, saml_settings
from idp.saml import names, soap
from idp.saml.gate import DOOR, Expected, Gate, Received, instant
from idp.saml.writing import ALG, ISSUER_TAG, SAML, SAMLP, child, message, status, timestamp
from idp.sessions import Sessions
from idp.store import Store

SLO_PATH = "/saml/slo"
SOAP_PATH = "/saml/slo/soap"
_Name = Literal["SAMLRequest", "SAMLResponse"]
# Anybody could end anybody's session, or say that one has ended: signed always.
_REQUEST = Expected(
    parameter="SAMLRequest", tag=f"{{{samlp.NAMESPACE}}}LogoutRequest", path=SLO_PATH, always_signed=True
)
_RESPONSE = Expected(
    parameter="SAMLResponse", tag=f"{{{samlp.NAMESPACE}}}LogoutResponse", path=SLO_PATH, always_signed=True
)
# A server's own words: the binding asks for no Destination, and Shibboleth's sends none. Handed on by
# another provider it still ends nothing but what its signer may end here.
_BY_SOAP = replace(_REQUEST, path=SOAP_PATH, addressed=False)
_BY_THE_PERSON = "urn:oasis:names:tc:SAML:2.0:logout:user"
_ASKED_LASTS = timedelta(minutes=10)
_KEPT_LASTS = timedelta(minutes=5)
_MOST_SESSIONS = 20  # that one request may name


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A partner's verified wish to end sessions.

    participants: the partner's parts in them; none when what it names is not known to it.
    finish_door "": the partner has no endpoint for the answer.
    """

    participants: tuple[Participant, ...]
    finish_door: str
    finish: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A partner's verified answer to a wish of ours."""

    chain: str
    partner: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """A verified message: one of the two."""

    asked: Asked | None = None
    heard: Heard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout:
    """Speaks single logout with partners."""

    gate: Gate
    keys: KeyRing
    store: Store
    sessions: Sessions

    # What comes -----------------------------------------------------------------------------
    def by_redirect(self, raw_query: str, name: _Name) -> Came:
        """Read what came by HTTP-Redirect. Raises BadMessage unless signed, meant for us and fresh."""
        if name == "SAMLResponse":
            return Came(heard=self._heard(self.gate.by_redirect(raw_query, _RESPONSE)))
        return Came(asked=self._asked(self.gate.by_redirect(raw_query, _REQUEST)))

    def by_post(self, form: Mapping[str, str]) -> str:
        """Read what came by HTTP-POST and keep it; return the one-time id to go on with by GET.

        A cross-site POST brings no Lax cookies: whose browser it is shows only then. Raises
        BadMessage.
        """
        if "SAMLResponse" in form:
            came = Came(heard=self._heard(self.gate.by_post(form, _RESPONSE)))
        else:
            came = Came(asked=self._asked(self.gate.by_post(form, _REQUEST)))
        kept = new_id()
        self.gate.state.put(f"saml:slo:{kept}", codec.dump(came), _KEPT_LASTS)
        return kept

    def kept(self, which: str) -> Came:
        """Return what `by_post` kept, once. Raises BadMessage."""
        text = self.gate.state.pop(f"saml:slo:{which[:64]}")
        if text is None:
            raise BadMessage("This sign-out is finished, or it is too old.")
        return codec.load(Came, text)

    def by_soap(self, data: bytes) -> Asked:
        """Read a LogoutRequest that a partner's server sent (bindings 3.2). Raises BadMessage."""
        return self._asked(self.gate.by_soap(soap.opened(data), _BY_SOAP))

    # We ask ---------------------------------------------------------------------------------
    def end(self, participant: Participant, *, chain: str) -> Ending:
        """Say how a participant is told: by the browser where its partner can be, else by its server.

        chain is kept here until the answer comes: the partner need not know it.
        """
        partner = self.gate.partners.get(participant.partner)
        settings = saml_settings(partner) if partner is not None else None
        if partner is None or settings is None or settings.logout is None:
            # A server is told by a message that was left with the session's end (signin.farewell).
            return Ending(supported=settings is not None and settings.soap_logout is not None)
        root = self.request(participant, partner, settings.logout)
        self.gate.state.put(_key(root.get("ID", "")), json.dumps([partner.id, chain]), _ASKED_LASTS)
        issuer = self.gate.issuers.get(partner.issuer)
        reply = self._sent(settings.logout, settings.logout.location, "SAMLRequest", root, None, issuer)
        return Ending(supported=True, reply=reply)

    def request(self, participant: Participant, partner: Partner, endpoint: SloEndpoint) -> etree._Element:
        """Return the LogoutRequest that tells a partner, not signed yet."""
        issuer, now = self.gate.issuers.get(partner.issuer), self.gate.clock.now()
        request = message(
            "LogoutRequest",
            issuer=issuer,
            destination=endpoint.location,
            now=now,
            NotOnOrAfter=timestamp(now + timedelta(minutes=5)),
            Reason=_BY_THE_PERSON,
        )
        names.name_id(request, participant.subject, issuer=issuer, partner=partner)
        child(request, f"{SAMLP}SessionIndex", participant.id)
        return request

    def _heard(self, received: Received) -> Heard:
        """Read a partner's LogoutResponse. Raises BadMessage, also when nobody asked that partner."""
        key = _key(received.element.get("InResponseTo", ""))
        held = self.gate.state.get(key)
        partner, chain = json.loads(held.value) if held is not None else ("", "")
        if partner != received.partner.id or self.gate.state.pop(key) is None:
            raise BadMessage(
                "This sign-out is finished, or it is too old.",
                detail="InResponseTo is unknown, or was asked of another partner",
            )
        return Heard(chain=chain, partner=partner, ok=succeeded(received.element))

    # We are asked ---------------------------------------------------------------------------
    def _asked(self, received: Received) -> Asked:
        self._check_in_time(received)
        participants = self._meant(received)
        finish = {"partner": received.partner.id, "id": received.id}
        if received.relay_state is not None:
            finish["relay_state"] = received.relay_state
        if not participants:
            finish["unknown"] = "1"
        door = DOOR if received.settings.logout is not None else ""
        return Asked(participants=participants, finish_door=door, finish=finish)

    def answer(self, finish: Mapping[str, str], *, complete: bool) -> Reply:
        """Return the signed LogoutResponse to the partner that asked by a browser. Raises BadMessage."""
        partner = self.gate.partners.get(finish["partner"])
        endpoint = saml_settings(partner).logout if partner is not None else None
        if partner is None or endpoint is None:
            raise BadMessage(
                "You are signed out, but the application can’t be told: it is not known here any more."
            )
        root = self._response(finish, partner, endpoint.answers, complete=complete)
        issuer = self.gate.issuers.get(partner.issuer)
        return self._sent(endpoint, endpoint.answers, "SAMLResponse", root, finish.get("relay_state"), issuer)

    def answer_by_soap(self, asked: Asked, *, complete: bool) -> bytes:
        """Return the envelope with the signed LogoutResponse to a partner's server. Raises BadMessage."""
        partner = self.gate.partners.get(asked.finish["partner"])
        if partner is None:
            raise BadMessage("The application is not known here any more, or was switched off.")
        root = self._response(asked.finish, partner, None, complete=complete)
        return soap.enveloped(self.signed(root, partner))

    def signed(self, root: etree._Element, partner: Partner) -> etree._Element:
        """Sign a message to a partner in place, and return it."""
        key_set = self.gate.issuers.get(partner.issuer).key_set
        signedxml.sign(root, signer=self.keys.signer(key_set, ALG), alg=ALG, after_tag=ISSUER_TAG)
        return root

    def _response(
        self, finish: Mapping[str, str], partner: Partner, destination: str | None, *, complete: bool
    ) -> etree._Element:
        response = message(
            "LogoutResponse",
            issuer=self.gate.issuers.get(partner.issuer),
            destination=destination,
            now=self.gate.clock.now(),
            InResponseTo=finish["id"],
        )
        status(response, *_outcome(complete=complete, unknown="unknown" in finish))
        return response

    def _check_in_time(self, received: Received) -> None:
        skew = timedelta(seconds=received.settings.clock_skew)
        ends = received.element.get("NotOnOrAfter")
        if ends is not None and instant(ends) + skew <= self.gate.clock.now():
            raise BadMessage(
                "This request is too old. Go back to the application and start again.",
                detail="NotOnOrAfter has passed",
            )

    def _meant(self, received: Received) -> tuple[Participant, ...]:
        """Return the partner's own parts in sessions that the name, and the indexes if any, agree on."""
        name = received.element.find(f"{SAML}NameID")
        if name is None:
            return ()
        said = received.element.findall(f"{SAMLP}SessionIndex")
        indexes = {(each.text or "").strip() for each in said[:_MOST_SESSIONS]}
        with self.store.read() as connection:
            if said:
                found = [self.sessions.participant(connection, index) for index in indexes]
            else:
                # No SessionIndex means every session of that person (core 3.7.1).
                value = (name.text or "").strip()
                found = [*self.sessions.known_as(connection, received.partner.id, value)]
        return tuple(
            each
            for each in found
            if each is not None
            and each.partner == received.partner.id
            and names.means(name, each.subject, issuer=received.issuer, partner=received.partner)
        )

    def _sent(
        self,
        endpoint: SloEndpoint,
        address: str,
        name: _Name,
        said: etree._Element,
        relay_state: str | None,
        issuer: Issuer,
    ) -> Reply:
        signer = self.keys.signer(issuer.key_set, ALG)
        if endpoint.binding == HTTP_POST:
            signedxml.sign(said, signer=signer, alg=ALG, after_tag=ISSUER_TAG)
            fields = {name: base64.b64encode(etree.tostring(said)).decode()}
            return Reply(
                address=address, fields=fields | ({} if relay_state is None else {"RelayState": relay_state})
            )
        query = signedxml.sign_query(
            message=name, value=etree.tostring(said), relay_state=relay_state, signer=signer, alg=ALG
        )
        return Reply(address=f"{address}{'&' if '?' in address else '?'}{query}")


def succeeded(response: etree._Element) -> bool:
    """Say whether a LogoutResponse means that the session is over, everywhere behind that partner too."""
    code = f"{SAMLP}Status/{SAMLP}StatusCode"
    top, second = response.find(code), response.find(f"{code}/{SAMLP}StatusCode")
    partial = second is not None and second.get("Value") == samlp.STATUS_PARTIAL_LOGOUT
    return top is not None and top.get("Value") == samlp.STATUS_SUCCESS and not partial


def _outcome(*, complete: bool, unknown: bool) -> tuple[str, str]:
    """Return the status of a LogoutResponse (core 3.7.3.2: PartialLogout under Success)."""
    if unknown:
        return samlp.STATUS_REQUESTER, samlp.STATUS_UNKNOWN_PRINCIPAL
    return samlp.STATUS_SUCCESS, "" if complete else samlp.STATUS_PARTIAL_LOGOUT


def _key(request_id: str) -> str:
    return f"saml:logout:{request_id[:64]}"
