"""Pictures of what a person sees who forgot the password; by name: template and context."""

from __future__ import annotations

from collections.abc import Mapping

from idp.core.errors import Reason
from idp.core.model import Asked, Network, Offer, SignIn, SignInRequest
from idp.factors.codes import NOT_BOTH
from idp.factors.passkey.ceremony import request
from idp.factors.passkey.settings import Site
from idp.policy.model import Deny
from idp.signin.steps import denied_of
from tests.clock import TestClock

_REQUEST = SignInRequest(door="local", issuer="main", partner="reset", reply_to="/", reset=True)
_AT = TestClock().now()
_SIGN_IN = SignIn(
    id="i", request=_REQUEST, browser="", network=Network(address=""), started_at=_AT, expires_at=_AT
)
_STEP = {
    "partner_name": "Password reset",
    "action": "/post",
    "choose_action": "/post",
    "cancel_action": "/post",
    "resetting": True,
}
_OPTIONS = request(Site(name="localhost", origins=()), known=(), verify=True)
_APP, _PHONE, _CODES, _PASSKEY = (
    Offer(factor="totp", label="Authenticator app"),
    Offer(factor="push", label="Phone app"),
    Offer(factor="recovery", label="Recovery codes"),
    Offer(factor="passkey", label="Passkey"),
)
_FIRST = {
    **_STEP,
    "factor": "totp",
    "method": "",
    "typed": "",
    "beside": (Asked(factor="passkey", challenge={"options": _OPTIONS}),),
    "alternatives": (_PHONE, _CODES),
}
_SECOND = {**_STEP, "username": "ada@example.com"}


def _denied(reason: Reason) -> Mapping[str, object]:
    text = denied_of(Deny(reason=reason), _SIGN_IN).public
    return {**_STEP, "text": text, "reference": "K7QW-2MXD"}


RESET: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "password-forgotten": (
        "factors/password/ask.html",
        {
            **_FIRST,
            "partner_name": "Expenses",
            "factor": "password",
            "resetting": False,
            "forgot": "/reset",
            "stay_offered": True,
            "alternatives": (),
        },
    ),
    "forgotten": ("signin/forgotten.html", _FIRST),
    "forgotten-wrong": ("signin/forgotten.html", {**_FIRST, "typed": "ada", "error": NOT_BOTH}),
    "forgotten-code": (
        "signin/forgotten.html",
        {**_FIRST, "factor": "recovery", "alternatives": (_PHONE, _APP)},
    ),
    "forgotten-phone": (
        "signin/forgotten.html",
        {**_FIRST, "factor": "push", "alternatives": (_CODES, _APP)},
    ),
    "reset-text": (
        "factors/sms/ask.html",
        {
            **_SECOND,
            "factor": "sms",
            "method": "m3",
            "method_detail": "+1 •••-•••-••67",
            "challenge": {"sends": "1"},
            "alternatives": (_PASSKEY,),
        },
    ),
    "reset-recovery": ("factors/recovery/ask.html", _SECOND),
    "new-password": ("signin/new_password.html", _SECOND),
    "new-password-short": (
        "signin/new_password.html",
        {**_SECOND, "error": "The new password needs at least 8 characters. A few words in a row do well."},
    ),
    "reset-done": ("portal/ended.html", {"password": True, "onward": "/post"}),
    "reset-too-few": ("signin/denied.html", _denied(Reason.NO_METHOD)),
    "reset-forbidden": ("signin/denied.html", _denied(Reason.ACCESS)),
}
