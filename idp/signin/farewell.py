"""Leave word, with the unit that ends a session, for partners that are told behind the browser's back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from idp.core import codec
from idp.core.model import Participant, Partner
from idp.jobs import Outbox
from idp.partners.oidc import oidc_settings
from idp.partners.registry import Partners
from idp.partners.saml import saml_settings
from idp.sessions import Grants, Sessions
from idp.store import Unit

# By door: whether a partner of it is told so. A message goes out as "<door>-logout".
_TOLD_BEHIND: Mapping[str, Callable[[Partner], bool]] = {
    "oidc": lambda partner: bool(oidc_settings(partner).backchannel_logout_uri),
    "saml": lambda partner: saml_settings(partner).soap_logout is not None,
}
# Where the browser goes by it brings a better answer than a server gives, and takes cookies along.
_TOLD_BY_BROWSER: Mapping[str, Callable[[Partner], bool]] = {
    "saml": lambda partner: saml_settings(partner).logout is not None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """Puts one message a participant into the outbox: who ended the session may be no browser at all."""

    partners: Partners
    sessions: Sessions
    grants: Grants
    outbox: Outbox

    def __call__(
        self, unit: Unit, participants: Iterable[Participant], *, walked: bool = False
    ) -> frozenset[str]:
        """Leave word for those of the participants that can be told; return their ids.

        walked: a browser goes by where it can.
        """
        left = set()
        for participant in participants:
            partner = self.partners.get(participant.partner)
            if partner is None or not partner.enabled or not _is_told(partner, walked=walked):
                continue
            self.outbox.put(
                unit,
                kind=kind_for(participant.door),
                idempotency_key=f"logout:{participant.id}",
                payload={"participant": codec.dump(participant)},
            )
            left.add(participant.id)
        return frozenset(left)

    def end_all(self, unit: Unit, person: str, now: datetime) -> int:
        """End every session of a person and leave word; return how many went on until now.

        What was granted ends too, offline access as well: whoever held a session may hold that.
        """
        ended = self.sessions.end_all(unit, person, now)
        # Only now that nothing more is answered in them: what was granted meanwhile ends too.
        self.grants.revoke_person(unit, person)
        for session in ended:
            self(unit, self.sessions.participants(unit.connection, session))
        return len(ended)


def kind_for(door: str) -> str:
    """Return the kind of message that tells partners of a door."""
    return f"{door}-logout"


def _is_told(partner: Partner, *, walked: bool) -> bool:
    behind, by_browser = _TOLD_BEHIND.get(partner.door), _TOLD_BY_BROWSER.get(partner.door)
    if behind is None or not behind(partner):
        return False
    return not (walked and by_browser is not None and by_browser(partner))
