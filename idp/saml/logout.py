"""Single logout over HTTP-Redirect: ask partners, hear them, and be asked (profiles 4.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from lxml import etree
from saml2 import samlp

from idp import signedxml
from idp.core.errors import BadMessage
from idp.core.model import Ending, Issuer, Participant, Reply, Visit
from idp.keys import KeyRing
from idp.partners.saml import saml_settings
from idp.saml import names
from idp.saml.gate import DOOR, Expected, Gate, Received, instant
from idp.saml.writing import ALG, SAML, SAMLP, child, message, status, timestamp
from idp.sessions import Sessions
from idp.store import Store

SLO_PATH = "/saml/slo"
# Anybody could end anybody's session, or say that one has ended: signed always.
_REQUEST = Expected(
    parameter="SAMLRequest", tag=f"{{{samlp.NAMESPACE}}}LogoutRequest", path=SLO_PATH, always_signed=True
)
_RESPONSE = Expected(
    parameter="SAMLResponse", tag=f"{{{samlp.NAMESPACE}}}LogoutResponse", path=SLO_PATH, always_signed=True
)
_BY_THE_PERSON = "urn:oasis:names:tc:SAML:2.0:logout:user"
_ASKED_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A partner's verified wish to end a session.

    participant None: the session or the person it names is not one that the partner knows.
    finish_door "": the partner has no endpoint for the answer.
    """

    participant: Participant | None
    finish_door: str
    finish: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A partner's verified answer to a wish of ours."""

    chain: str
    partner: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout:
    """Speaks single logout with partners."""

    gate: Gate
    keys: KeyRing
    store: Store
    sessions: Sessions

    # We ask ---------------------------------------------------------------------------------
    def end(self, participant: Participant, *, chain: str) -> Ending:
        """Return the signed LogoutRequest for a participant, if its partner takes one by Redirect.

        chain is kept here until the answer comes: the partner need not know it.
        """
        partner = self.gate.partners.get(participant.partner)
        endpoint = saml_settings(partner).logout if partner is not None else None
        if partner is None or endpoint is None:
            return Ending(supported=False)
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
        self.gate.state.put(_key(request.get("ID", "")), json.dumps([partner.id, chain]), _ASKED_LASTS)
        return Ending(
            supported=True, reply=self._redirect(endpoint.location, "SAMLRequest", request, None, issuer)
        )

    def heard(self, raw_query: str) -> Heard:
        """Read a partner's LogoutResponse. Raises BadMessage, also when nobody asked that partner."""
        received = self.gate.by_redirect(raw_query, _RESPONSE)
        key = _key(received.element.get("InResponseTo", ""))
        held = self.gate.state.get(key)
        partner, chain = json.loads(held.value) if held is not None else ("", "")
        if partner != received.partner.id or self.gate.state.pop(key) is None:
            raise BadMessage(
                "This sign-out is finished, or it is too old.",
                detail="InResponseTo is unknown, or was asked of another partner",
            )
        return Heard(chain=chain, partner=partner, ok=_succeeded(received.element))

    # We are asked ---------------------------------------------------------------------------
    def asked(self, raw_query: str, visit: Visit) -> Asked:
        """Read a partner's LogoutRequest. Raises BadMessage unless signed, meant for us and fresh."""
        received = self.gate.by_redirect(raw_query, _REQUEST)
        self._check_in_time(received)
        participant = self._meant(received, visit)
        finish = {"partner": received.partner.id, "id": received.id}
        if received.relay_state is not None:
            finish["relay_state"] = received.relay_state
        if participant is None:
            finish["unknown"] = "1"
        answerable = received.settings.logout is not None
        return Asked(participant=participant, finish_door=DOOR if answerable else "", finish=finish)

    def answer(self, finish: Mapping[str, str], *, complete: bool) -> Reply:
        """Return the signed LogoutResponse to the partner that `asked`. Raises BadMessage."""
        partner = self.gate.partners.get(finish["partner"])
        endpoint = saml_settings(partner).logout if partner is not None else None
        if partner is None or endpoint is None:
            raise BadMessage(
                "You are signed out, but the application can’t be told: it is not known here any more."
            )
        issuer = self.gate.issuers.get(partner.issuer)
        response = message(
            "LogoutResponse",
            issuer=issuer,
            destination=endpoint.answers,
            now=self.gate.clock.now(),
            InResponseTo=finish["id"],
        )
        status(response, *_outcome(complete=complete, unknown="unknown" in finish))
        return self._redirect(endpoint.answers, "SAMLResponse", response, finish.get("relay_state"), issuer)

    def _check_in_time(self, received: Received) -> None:
        skew = timedelta(seconds=received.settings.clock_skew)
        ends = received.element.get("NotOnOrAfter")
        if ends is not None and instant(ends) + skew <= self.gate.clock.now():
            raise BadMessage(
                "This request is too old. Go back to the application and start again.",
                detail="NotOnOrAfter has passed",
            )

    def _meant(self, received: Received, visit: Visit) -> Participant | None:
        """Return the partner's own participant that index and name agree on, or None."""
        said = received.element.findall(f"{SAMLP}SessionIndex")
        indexes = [(each.text or "").strip() for each in said]
        participant = self._named(indexes, received, visit)
        name = received.element.find(f"{SAML}NameID")
        if participant is None or name is None or participant.partner != received.partner.id:
            return None
        known_as = names.means(name, participant.subject, issuer=received.issuer, partner=received.partner)
        return participant if known_as else None

    def _named(self, indexes: list[str], received: Received, visit: Visit) -> Participant | None:
        with self.store.read() as connection:
            if len(indexes) == 1:
                return self.sessions.participant(connection, indexes[0])
            if indexes:
                return None
            # No SessionIndex means every session; the one we can see is this browser's.
            session = self.sessions.live(connection, visit.session, self.gate.clock.now())
            return self.sessions.joined(connection, session.id, received.partner.id) if session else None

    def _redirect(
        self,
        address: str,
        name: Literal["SAMLRequest", "SAMLResponse"],
        said: etree._Element,
        relay_state: str | None,
        issuer: Issuer,
    ) -> Reply:
        query = signedxml.sign_query(
            message=name,
            value=etree.tostring(said),
            relay_state=relay_state,
            signer=self.keys.signer(issuer.key_set, ALG),
            alg=ALG,
        )
        return Reply(address=f"{address}{'&' if '?' in address else '?'}{query}")


def _outcome(*, complete: bool, unknown: bool) -> tuple[str, str]:
    """Return the status of a LogoutResponse (core 3.7.3.2: PartialLogout under Success)."""
    if unknown:
        return samlp.STATUS_REQUESTER, samlp.STATUS_UNKNOWN_PRINCIPAL
    return samlp.STATUS_SUCCESS, "" if complete else samlp.STATUS_PARTIAL_LOGOUT


def _succeeded(response: etree._Element) -> bool:
    code = f"{SAMLP}Status/{SAMLP}StatusCode"
    top, second = response.find(code), response.find(f"{code}/{SAMLP}StatusCode")
    partial = second is not None and second.get("Value") == samlp.STATUS_PARTIAL_LOGOUT
    return top is not None and top.get("Value") == samlp.STATUS_SUCCESS and not partial


def _key(request_id: str) -> str:
    return f"saml:logout:{request_id[:64]}"
