"""Tell clients' servers that a session ended (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from idp.audit import AuditLog, Entry, Event
from idp.core import codec
from idp.core.ids import new_id
from idp.core.model import Participant, Partner
from idp.core.ports import Clock
from idp.jobs import Message, Outcome
from idp.jobs.outbox import TRIES
from idp.keys import Issuers, KeyRing
from idp.net import Blocked, HttpClient, Unanswered
from idp.oidc.jwt import signed
from idp.partners.oidc import oidc_settings
from idp.partners.registry import Partners
from idp.store import Unit

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_TYP = "logout+jwt"
_LIFETIME = timedelta(minutes=2)
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# 204 is not in the specification, but what many frameworks answer when there is nothing to say.
_HEARD = frozenset({200, 204})
_BUSY = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class BackChannel:
    """Handles the messages that `signin.farewell` left for clients of this door."""

    partners: Partners
    issuers: Issuers
    ring: KeyRing
    clock: Clock
    audit: AuditLog
    http: HttpClient

    def __call__(self, message: Message) -> Outcome:
        """Post one logout token (section 2.5); a server in trouble is tried again.

        A token of its own for each try: one that was heard, but whose answer was lost, may be
        refused as a replay by its jti, and signing out twice does no harm.
        """
        participant = codec.load(Participant, message.payload["participant"])
        partner = self.partners.get(participant.partner)
        address = oidc_settings(partner).backchannel_logout_uri if partner is not None else ""
        if partner is None or not partner.enabled or not address:
            return Outcome()
        problem, again = self._post(address, self._token(participant, partner))
        if not problem:
            return Outcome()
        if again and message.tries < TRIES:
            return Outcome(error=problem, again=True)
        return Outcome(error=problem, note=lambda unit: self._record(unit, participant, problem))

    def _post(self, address: str, token: str) -> tuple[str, bool]:
        """Return what went wrong, "" for nothing, and whether another try may go better."""
        try:
            answer = self.http.post(address, urlencode({"logout_token": token}).encode(), headers=_HEADERS)
        except Blocked:
            return "blocked", False
        except Unanswered:
            return "unanswered", True
        if answer.status in _HEARD:
            return "", False
        return f"status {answer.status}", answer.status >= 500 or answer.status in _BUSY

    def _token(self, participant: Participant, partner: Partner) -> str:
        issuer, alg = self.issuers.get(partner.issuer), oidc_settings(partner).id_token_alg
        now = self.clock.now()
        claims = {
            "iss": issuer.oidc,
            "sub": participant.subject.value,
            "aud": partner.identifier,
            "iat": int(now.timestamp()),
            "exp": int((now + _LIFETIME).timestamp()),
            "jti": new_id(),
            "sid": participant.id,
            "events": {LOGOUT_EVENT: {}},
        }
        return signed(claims, typ=_TYP, alg=alg, signer=self.ring.signer(issuer.key_set, alg))

    def _record(self, unit: Unit, participant: Participant, problem: str) -> None:
        entry = Entry(
            event=Event.SIGN_OUT_FAILED,
            person=participant.person,
            partner=participant.partner,
            detail={"way": "back-channel", "problem": problem},
        )
        self.audit.record(unit, entry)
