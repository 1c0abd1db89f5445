"""Pictures of what is set up, confirmed and remembered on the way through a sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from idp.core.model import Offer

_STEP = {
    "partner_name": "Expenses",
    "action": "/post",
    "choose_action": "/post",
    "username": "ada@example.com",
}
_UNTIL = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
_PHONE = Offer(factor="push", label="Phone app")
_APP = Offer(factor="totp", label="Authenticator app")
_TEXT = Offer(factor="sms", label="Text message")
_ASKED = {**_STEP, "cancel_action": "/post", "remember_until": _UNTIL}

WIZARD: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "another": (
        "signin/another.html",
        {**_STEP, "later_action": "/post", "left": None, "alternatives": (_PHONE, _APP, _TEXT)},
    ),
    "campaign": (
        "signin/another.html",
        {
            **_STEP,
            "later_action": "/post",
            "left": 2,
            "alternatives": (Offer(factor="passkey", label="Passkey"), _PHONE),
        },
    ),
    "confirm-methods": (
        "signin/confirm_methods.html",
        {
            **_STEP,
            "methods": (
                Offer(factor="push", label="Phone app", detail="Ada’s Pixel"),
                Offer(factor="sms", method="m3", label="Text message", detail="+1 •••-•••-••67"),
            ),
        },
    ),
    "totp-remember": ("factors/totp/ask.html", {**_ASKED, "factor": "totp", "method": "m1"}),
    "push-remember": ("factors/push/ask.html", {**_ASKED, "factor": "push", "challenge": {"number": "42"}}),
    "call-remember": (
        "factors/call/ask.html",
        {
            **_ASKED,
            "factor": "call",
            "method": "m1",
            "method_detail": "+1 •••-•••-••67",
            "challenge": {"mode": "code"},
        },
    ),
}
