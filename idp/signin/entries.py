"""What the record holds of answers to partners, and of what goes with them."""

from __future__ import annotations

from collections.abc import Mapping

from idp.audit import Entry, Event
from idp.claims import missing
from idp.core.model import Grant
from idp.core.result import Result
from idp.sessions import Session
from idp.signin.farewell import Ended
from idp.signin.judge import Judged
from idp.signin.results import of_issue


def displaced(judged: Judged, former: Session, ended: Ended) -> Entry:
    """Return that a former person's session ended, since another signed in on the browser."""
    sign_in = judged.sign_in
    return ended.entry(person=former.person, correlation=sign_in.correlation, address=sign_in.network.address)


def looped(judged: Judged, reference: str) -> Entry:
    """Return that an application sent the person back at once, again and again."""
    return Entry(
        event=Event.LOOP_STOPPED,
        person=judged.sign_in.person,
        partner=judged.partner.id,
        verdict="deny",
        reason="loop",
        result=Result.MISCONFIGURATION,
        correlation=judged.sign_in.correlation,
        reference=reference,
        name=judged.person.name if judged.person else "",
        address=judged.sign_in.network.address,
    )


def issued(judged: Judged, grant: Grant) -> Entry:
    """Return that a partner was answered."""
    lacking = missing(grant.request.needed, grant.claims)
    remembered = [proof.factor for proof in judged.decision.counted if proof.remembered]
    return Entry(
        event=Event.TOKEN_ISSUED,
        person=grant.person,
        partner=judged.partner.id,
        verdict="issue",
        result=of_issue(judged),
        rules=judged.decision.rules,
        correlation=judged.sign_in.correlation,
        detail={
            "door": grant.request.door,
            "acr": grant.acr.value,
            "amr": list(grant.amr),
            **({"remembered": remembered} if remembered else {}),
            **({"missing": list(lacking)} if lacking else {}),
        },
        name=judged.person.name if judged.person else "",
        address=judged.sign_in.network.address,
    )


def agreed(judged: Judged) -> Entry:
    """Return that the person agreed to scopes."""
    return _beside(judged, Event.CONSENT_GIVEN, {"scopes": list(judged.sign_in.request.consent)})


def trusted(judged: Judged) -> Entry:
    """Return that the person's browser stands in for the second factor from now on."""
    return _beside(judged, Event.BROWSER_TRUSTED, {"days": judged.decision.remember})


def _beside(judged: Judged, event: Event, detail: Mapping[str, object]) -> Entry:
    return Entry(
        event=event,
        person=judged.sign_in.person,
        partner=judged.partner.id,
        correlation=judged.sign_in.correlation,
        detail=detail,
        name=judged.person.name if judged.person else "",
        address=judged.sign_in.network.address,
    )
