"""Pictures of the portal: what a person sees of how they sign in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from idp.audit import Recorded
from idp.core.model import Method, Offer, Person
from idp.desk.endings import SignedOut
from idp.desk.security_info import SecurityInfo, Seen
from idp.desk.sessions import SessionSeen
from idp.sessions import Opened, Trusted
from idp.signin.farewell import Outcome

_NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
_ADA = Person(id="i-ada", source="local", source_key="1", name="ada@example.com", display_name="Ada Lovelace")
_CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
_LONG = "Quarterly Travel, Expense & Reimbursement Approvals"
_LABELS = {
    "passkey": "Passkey",
    "totp": "Authenticator app",
    "push": "Phone app",
    "sms": "Text message",
    "call": "Phone call",
    "recovery": "Recovery codes",
}
_OFFERS = tuple(Offer(factor=factor, label=label) for factor, label in _LABELS.items())


def _method(factor: str, label: str, *, used: bool = True, **data: str) -> Method:
    return Method(
        id=f"i-{factor}",
        person=_ADA.id,
        factor=factor,
        label=label,
        created_at=_NOW - timedelta(days=90),
        last_used_at=_NOW - timedelta(days=2) if used else None,
        data=data,
    )


def _seen(event: str, partner: str, hours: int) -> Seen:
    recorded = Recorded(
        id=hours,
        at=_NOW - timedelta(hours=hours),
        event=event,
        event_id=0,
        actor="",
        person=_ADA.id,
        partner="i-p",
        factor="",
        verdict="",
        reason="",
        rules=(),
        correlation="",
        reference="",
        detail={},
        name="ada",
        address="192.0.2.7",
    )
    return Seen(recorded=recorded, partner=partner)


_INFO = SecurityInfo(
    methods=(
        _method("passkey", "My laptop", name="127.0.0.1", credential="c"),
        _method("totp", "Authenticator app", used=False),
        _method("call", "+1 •••-•••-••00 (4711)", place="office"),
        _method("sms", "+1 •••-•••-••67"),
        _method("recovery", "Recovery codes", used=False),
    ),
    codes_left={"i-recovery": 7},
    recent=(
        _seen("token-issued", "Expenses", 1),
        _seen("token-denied", _LONG, 20),
        _seen("locked", "", 70),
    ),
    preferred="i-totp",
    trusted=(
        Trusted(
            id="d1", label=_CHROME, since=_NOW - timedelta(days=9), last_seen_at=_NOW - timedelta(days=1)
        ),
        Trusted(
            id="d2", label="curl", since=_NOW - timedelta(days=20), last_seen_at=_NOW - timedelta(days=20)
        ),
    ),
)


def _session(
    software: str, system: str, *, hours: int, address: str = "192.0.2.7", applications: tuple[str, ...] = ()
) -> SessionSeen:
    found = Opened(
        id=f"i-{hours}",
        person=_ADA.id,
        software=software,
        system=system,
        address=address,
        created_at=_NOW - timedelta(hours=hours),
        last_used_at=_NOW - timedelta(hours=hours // 3),
        expires_at=_NOW + timedelta(hours=8 - hours),
        parts=(),
    )
    return SessionSeen(opened=found, applications=applications, here=hours == 1)


_SESSIONS = (
    _session("Firefox", "Windows", hours=1, applications=("Expenses", "Wiki")),
    _session("Safari", "iPhone", hours=4, address="2001:db8:85a3::8a2e:370:7334", applications=(_LONG,)),
    _session("", "", hours=7, address=""),
)
_ENDED = SignedOut(
    sessions=1, results=(("Expenses", Outcome.TOLD), (_LONG, Outcome.TOLD), ("Library", Outcome.LEFT))
)
_PAGE: Mapping[str, object] = {
    "person": _ADA,
    "info": _INFO,
    "kinds": _LABELS,
    "addable": _OFFERS,
    "password": True,
    "sessions": _SESSIONS,
}
_NEW = SecurityInfo(methods=_INFO.methods[1:2], codes_left={}, recent=())
PORTAL: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "me": ("portal/me.html", {**_PAGE, "said": "The name is changed."}),
    "me-new": (
        "portal/me.html",
        {
            **_PAGE,
            "info": _NEW,
            "sessions": _SESSIONS[:1],
            "opened": "password",
            "error": "This is your last way to confirm a sign-in. Add another one first.",
        },
    ),
    "me-password": ("portal/ended.html", {"password": True}),
    "me-ended": ("portal/ended.html", {}),
    "me-ended-some": ("portal/ended.html", {"results": _ENDED.results}),
    "me-signed-out": ("portal/me.html", {**_PAGE, "ended": _ENDED}),
}
