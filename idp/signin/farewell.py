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
from idp.sessions import Sessions
from idp.store import Unit

# By door: whether a partner of it is told so. A message goes out as "<door>-logout".
_TOLD_BEHIND: Mapping[str, Callable[[Partner], bool]] = {
    "oidc": lambda partner: bool(oidc_settings(partner).backchannel_logout_uri),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """Puts one message a participant into the outbox: who ended the session may be no browser at all."""

    partners: Partners
    sessions: Sessions
    outbox: Outbox

    def __call__(self, unit: Unit, participants: Iterable[Participant]) -> None:
        """Leave word for those of the participants that can be told; the others are passed over."""
        for participant in participants:
            partner = self.partners.get(participant.partner)
            told = _TOLD_BEHIND.get(participant.door)
            if partner is None or not partner.enabled or told is None or not told(partner):
                continue
            self.outbox.put(
                unit,
                kind=kind_for(participant.door),
                idempotency_key=f"logout:{participant.id}",
                payload={"participant": codec.dump(participant)},
            )

    def end_all(self, unit: Unit, person: str, now: datetime) -> int:
        """End every session of a person and leave word; return how many went on until now."""
        self(unit, self.sessions.everywhere(unit.connection, person))
        return self.sessions.end_all(unit, person, now)


def kind_for(door: str) -> str:
    """Return the kind of message that tells partners of a door."""
    return f"{door}-logout"
