"""Every page with contexts like those the rooms give, on an application of nothing but plumbing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import segno
from flask import Flask, Response, abort
from markupsafe import Markup
from werkzeug.serving import make_server

from idp.core.errors import BadMessage, Banned, Busy, CountersignError, Looping, Unavailable
from idp.core.model import Asked, Offer, Reply
from idp.directory.phones import calling_codes
from idp.factors.codes import NOT_THAT_CODE
from idp.factors.passkey.ceremony import WRONG as NOT_THAT_PASSKEY
from idp.factors.passkey.ceremony import request
from idp.factors.passkey.settings import Site
from idp.signin.consent import Detail
from idp.web.reply import respond
from idp.web.settings import WebSettings
from idp.web.setup import make_flask
from idp.web.templating import page
from tests.pages.samples_admin import ADMIN
from tests.pages.samples_portal import PORTAL
from tests.pages.samples_push import CALL, PUSH
from tests.pages.samples_reset import RESET
from tests.pages.samples_wizard import WIZARD

_WRONG = (
    "That user name or password is not right. Check both and try again. "
    "After several wrong tries, sign-in pauses for 15 minutes."
)
_WRONG_CODE = (
    "That code is not right. Use the newest code and try again. "
    "After several wrong tries, sign-in pauses for an hour."
)
_KEY = "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"
_URI = "otpauth://totp/Countersign:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Countersign"
_APP = Offer(factor="totp", method="m1", label="Authenticator app")
_OTHERS = (
    Offer(factor="totp", method="m2", label="Authenticator app"),
    Offer(factor="password", label="Password"),
)
_MASKED = "+1 •••-•••-••67"
_PHONE = {"factor": "sms", "method": "m3", "method_label": "Text message", "method_detail": _MASKED}
_OTHER_PHONE = Offer(factor="sms", method="m4", label="Text message", detail="+49 •••• •••••89")
_NO_MORE_TEXTS = (
    "No more texts can be sent to this phone for now. Wait an hour and ask again, or use another way."
)
_NO_NUMBER = "That is not a phone number. Write it with its country code, like +1 425 555 0123."
_STEP = {"partner_name": "Expenses", "action": "/post", "choose_action": "/post", "cancel_action": "/post"}
_SETTING_UP = {
    **_STEP,
    "username": "ada@example.com",
    "qr_svg": Markup(segno.make(_URI, error="m").svg_inline(scale=4, border=0)),  # noqa: S704
    "manual_key": _KEY,
    "otpauth_uri": _URI,
}
_OPTIONS = request(Site(name="localhost", origins=()), known=(), verify=True)
_CHALLENGE = {"options": _OPTIONS}
_CODES = [f"{first}7QW-2MXD-K9{first}V" for first in "BCDFGHJKLM"]
_LONG = "Quarterly Travel, Expense & Reimbursement Approvals <Staging>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture: a template, what it is given, the status it comes with, and what then happens on it."""

    name: str
    template: str
    context: dict[str, object] = field(default_factory=dict)
    status: int = 200
    scripts: bool = True
    then: str = ""


SAMPLES = (
    Sample(name="password", template="factors/password/ask.html", context={**_STEP, "stay_offered": True}),
    Sample(
        name="password-or-passkey",
        template="factors/password/ask.html",
        context={**_STEP, "stay_offered": True, "beside": (Asked(factor="passkey", challenge=_CHALLENGE),)},
    ),
    Sample(
        name="passkey",
        template="factors/passkey/ask.html",
        context={**_STEP, "username": "ada", "challenge": _CHALLENGE, "alternatives": _OTHERS},
    ),
    Sample(
        name="passkey-wrong",
        template="factors/passkey/ask.html",
        context={**_STEP, "username": "ada", "challenge": _CHALLENGE, "error": NOT_THAT_PASSKEY},
    ),
    Sample(
        name="passkey-without-scripts",
        template="factors/passkey/ask.html",
        context={**_STEP, "username": "ada", "challenge": _CHALLENGE, "alternatives": _OTHERS},
        scripts=False,
    ),
    Sample(
        name="setup-passkey",
        template="factors/passkey/setup.html",
        context={
            **_STEP,
            "username": "ada@example.com",
            "options": _OPTIONS,
            "label": "iPhone",
            "alternatives": (_APP, *_OTHERS),
        },
    ),
    Sample(
        name="password-wrong",
        template="factors/password/ask.html",
        context={**_STEP, "stay_offered": True, "username": "ada", "error": _WRONG},
    ),
    Sample(
        name="password-fixed",
        template="factors/password/ask.html",
        context={
            **_STEP,
            "partner_name": _LONG,
            "username": "ada@example.com",
            "username_fixed": True,
            "alternatives": (_APP,),
        },
    ),
    Sample(name="totp", template="factors/totp/ask.html", context={**_STEP, "username": "ada@example.com"}),
    Sample(
        name="totp-wrong",
        template="factors/totp/ask.html",
        context={
            **_STEP,
            "username": "ada",
            "method": "m1",
            "method_label": "Work phone",
            "error": _WRONG_CODE,
            "alternatives": _OTHERS,
        },
    ),
    Sample(
        name="choose",
        template="signin/choose.html",
        context={**_STEP, "username": "ada", "alternatives": (_APP, *_OTHERS)},
    ),
    Sample(name="setup-totp", template="factors/totp/setup.html", context=_SETTING_UP),
    Sample(
        name="setup-totp-wrong",
        template="factors/totp/setup.html",
        context={**_SETTING_UP, "error": _WRONG_CODE},
    ),
    Sample(
        name="sms",
        template="factors/sms/ask.html",
        context={**_STEP, **_PHONE, "challenge": {"sends": "1"}, "username": "ada@example.com"},
    ),
    Sample(
        name="sms-again",
        template="factors/sms/ask.html",
        context={
            **_STEP,
            **_PHONE,
            "challenge": {"sends": "2"},
            "username": "ada",
            "error": _WRONG_CODE,
            "alternatives": (_OTHER_PHONE, *_OTHERS),
        },
    ),
    Sample(
        name="choose-phones",
        template="signin/choose.html",
        context={**_STEP, "username": "ada", "alternatives": (_APP, _OTHER_PHONE), "error": _NO_MORE_TEXTS},
    ),
    Sample(
        name="setup-sms",
        template="factors/sms/setup.html",
        context={**_STEP, "username": "ada", "countries": calling_codes(), "alternatives": (_APP,)},
    ),
    Sample(
        name="setup-sms-wrong",
        template="factors/sms/setup.html",
        context={**_STEP, "countries": {"DE": "+49", "EG": "+20"}, "error": _NO_NUMBER},
    ),
    Sample(
        name="setup-sms-code",
        template="factors/sms/setup.html",
        context={**_STEP, "username": "ada", "number": _MASKED, "sends": "2", "alternatives": (_APP,)},
    ),
    Sample(
        name="setup-recovery",
        template="factors/recovery/setup.html",
        context={**_STEP, "username": "ada@example.com", "codes": _CODES, "file": "/post"},
    ),
    Sample(name="recovery", template="factors/recovery/ask.html", context={**_STEP, "username": "ada"}),
    Sample(
        name="recovery-wrong",
        template="factors/recovery/ask.html",
        context={**_STEP, "username": "ada", "error": NOT_THAT_CODE, "alternatives": _OTHERS},
    ),
    Sample(name="pass", template="factors/pass/ask.html", context={**_STEP, "username": "ada"}),
    Sample(name="codes-left", template="signin/confirm_codes.html", context={**_STEP, "left": 7}),
    Sample(
        name="codes-few",
        template="signin/confirm_codes.html",
        context={**_STEP, "username": "ada", "left": 2},
    ),
    Sample(
        name="confirm-account",
        template="signin/confirm_account.html",
        context={**_STEP, "username": "ada@example.com", "display_name": "Ada Lovelace"},
    ),
    Sample(
        name="confirm-consent",
        template="signin/confirm_consent.html",
        context={
            **_STEP,
            "username": "ada",
            "details": (
                Detail(icon="profile", text="Your name and profile", values=("Ada Lovelace", "ada")),
                Detail(icon="email", text="Your e-mail address", values=("ada@example.com",)),
                Detail(icon="groups", text="Your groups", values=("Staff", "Analytical engines", _LONG)),
            ),
        },
    ),
    Sample(
        name="confirm-consent-offline",
        template="signin/confirm_consent.html",
        context={
            **_STEP,
            "partner_name": _LONG,
            "username": "ada",
            "details": (
                Detail(icon="phone", text="Your phone number", values=("+44 20 7946 0000",)),
                Detail(icon="address", text="Your postal address", values=("London", "GB")),
                Detail(icon="services", text="Use other services in your name", values=("files.read",)),
                Detail(
                    icon="offline",
                    text="Stay connected",
                    note="It may look these details up again later, also while you are not signed in.",
                ),
            ),
        },
    ),
    Sample(
        name="denied",
        template="signin/denied.html",
        status=403,
        context={**_STEP, "text": "You don't have access to this application.", "reference": "K7QW-2MXD"},
    ),
    Sample(name="expired", template="signin/expired.html", context={"action": "/post"}, status=400),
    Sample(name="finished", template="signin/finished.html", status=400),
    Sample(
        name="signout-ask",
        template="signout/ask.html",
        context={"action": "/post", "cancel_action": "/post", "username": "ada@example.com"},
    ),
    Sample(name="signout-done", template="signout/done.html"),
    Sample(
        name="signout-some",
        template="signout/done.html",
        context={"results": (("Expenses", "ended"), ("Wiki", "told"), ("Library", "left"))},
    ),
    Sample(
        name="signout-told",
        template="signout/done.html",
        context={"results": (("Expenses", "ended"), (_LONG, "told"))},
    ),
    # As it looks while a frame takes its time.
    Sample(
        name="signout-frames",
        template="signout/frames.html",
        context={"frames": (), "onward": "/signout-told"},
        scripts=False,
    ),
    Sample(name="home", template="home.html", context={"signin_address": "/applications"}),
    Sample(
        name="home-signed-in",
        template="home.html",
        context={"username": "ada@example.com", "signout_action": "/post"},
    ),
    Sample(
        name="home-applications",
        template="home.html",
        context={
            "username": "ada@example.com",
            "signout_action": "/post",
            "tiles": tuple(
                {"name": name, "address": "/post"} for name in ("Expenses", "Wiki", "Payroll", _LONG)
            ),
        },
    ),
    # As they look where scripts are off or the partner is slow.
    Sample(
        name="autopost",
        template="autopost.html",
        context={"address": "/acs", "fields": "", "partner_name": "Expenses"},
        scripts=False,
    ),
    *(
        Sample(name=name, template=f"admin/{template}.html", context=context, status=status)
        for name, template, context, status in ADMIN
    ),
    *(
        Sample(name=name, template=template, context=dict(context))
        for name, (template, context) in {**PORTAL, **RESET, **WIZARD}.items()
    ),
    *(
        Sample(name=name, template=template, context=dict(context), then=then)
        for name, (template, context, then) in {**PUSH, **CALL}.items()
    ),
)


# What the plumbing answers itself, by its error or its status.
ERRORS: dict[str, CountersignError | int] = {
    "error": BadMessage("This form was sent from another site, so it was not used."),
    "error-banned": Banned("Nobody can sign in from the network that you are in."),
    "error-loop": Looping("The application keeps sending you back here, so we stopped."),
    "error-busy": Busy("The service is busy."),
    "error-away": Unavailable(detail="down"),
    **{f"error-{status}": status for status in (404, 405, 413, 429, 500, 503)},
}
# The status that each page comes with, by its name.
NAMES = {sample.name: sample.status for sample in SAMPLES} | {
    name: error if isinstance(error, int) else error.status for name, error in ERRORS.items()
}
THEN = {sample.name: sample.then for sample in SAMPLES if sample.then}
WITHOUT_SCRIPTS = frozenset(sample.name for sample in SAMPLES if not sample.scripts)


def make_samples() -> Flask:
    """Return an application with one address for each sample, and the errors it answers itself."""
    app = make_flask(WebSettings.of(base_url="http://localhost"))
    for sample in SAMPLES:
        app.add_url_rule(f"/{sample.name}", sample.name, _view(sample))
    for name, error in ERRORS.items():
        app.add_url_rule(f"/{name}", name, _failing(error))
    app.add_url_rule("/post", "post", _onward, methods=["GET", "POST"])
    app.add_url_rule("/acs", "acs", _acs, methods=["POST"])
    return app


def _view(sample: Sample) -> Callable[[], Response]:
    return lambda: page(sample.template, status=sample.status, **sample.context)


def _failing(error: CountersignError | int) -> Callable[[], Response]:
    def fail() -> Response:
        if isinstance(error, int):
            abort(error)
        raise error

    return fail


def _onward() -> Response:
    return respond(Reply(address="/nowhere"))


def _acs() -> Response:
    return Response("received", content_type="text/plain")


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve the application on a free loopback port; give its base address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
