"""Answer errors in plain words with a reference; nothing of the inside is shown."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from traceback import format_exception

import structlog
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from idp.core.errors import BadMessage, Banned, Busy, CountersignError, Denied, Looping, Unavailable
from idp.core.ids import reference
from idp.web.i18n import mark
from idp.web.templating import page

_log = structlog.get_logger(__name__)


_HEADINGS: dict[type[CountersignError], str] = {
    Banned: mark("Your network is blocked"),
    Looping: mark("The application sends you in circles"),
    BadMessage: mark("We can’t continue"),
    Denied: mark("You can’t sign in here"),
}
_TRY_AGAIN = mark("That didn’t work")
_NOT_FOUND = mark("Page not found")
_OUR_FAULT = mark("Something went wrong")

# What `Unavailable` says, where nothing is translated.
_AWAY = mark("The service is not available just now.")
_TEXTS = {
    404: mark("There is no page at this address."),
    405: mark("This address can’t be used in this way."),
    413: mark("What was sent is too large."),
    429: mark("There were too many attempts. Wait a few minutes."),
    503: mark("The service is busy."),
}
_NOT_UNDERSTOOD = mark("The request could not be understood.")
_BROKEN = mark("An error on our side kept us from doing this.")

_START_AGAIN = mark("Go back to the application you came from and start again.")
_LATER = mark("Try again in a moment.")
_NEXT: dict[type[CountersignError], str] = {
    Banned: mark("Try from another network."),
    Looping: mark(
        "You are signed in here, and the application does not take it. Close its window and wait a minute."
    ),
    Busy: _LATER,
}


def install(app: Flask, *, json_endpoints: Collection[str]) -> None:
    """Answer every error that leaves a view, as JSON for the endpoints that programs call."""
    programs = frozenset(json_endpoints)

    def on_purpose(error: CountersignError) -> Response:
        # What is merely refused is the sender's affair; what is down is ours.
        log = _log.error if error.status >= 500 else _log.warning
        log(
            "refused",
            kind=type(error).__name__,
            detail=error.detail,
            public=error.public,
            ref=error.reference,
        )
        heading = next((text for kind, text in _HEADINGS.items() if isinstance(error, kind)), _TRY_AGAIN)
        heading = _OUR_FAULT if isinstance(error, Unavailable) else heading
        text = _AWAY if isinstance(error, Unavailable) else error.public
        usual = _LATER if error.status >= 500 else _START_AGAIN
        onward = next((text for kind, text in _NEXT.items() if isinstance(error, kind)), usual)
        return _answer(programs, error.status, heading, text, onward, error.reference)

    def by_http(error: HTTPException) -> BaseResponse:
        status = error.code or 500
        if status < 400 or error.response is not None:  # a redirect of the router
            return error.get_response()
        response = _http_answer(programs, status)
        for name, value in error.get_headers():
            if name in {"Allow", "Retry-After", "WWW-Authenticate"}:
                response.headers[name] = value
        return response

    def unforeseen(error: Exception) -> Response:
        ref = reference()
        # As text: loggers that format exceptions themselves may show local variables, passwords too.
        _log.error("unforeseen", ref=ref, path=request.path[:200], exception="".join(format_exception(error)))
        return _answer(programs, 500, _OUR_FAULT, _BROKEN, _LATER, ref)

    app.register_error_handler(CountersignError, on_purpose)
    app.register_error_handler(HTTPException, by_http)
    app.register_error_handler(Exception, unforeseen)


def _http_answer(programs: Collection[str], status: int) -> Response:
    heading = _NOT_FOUND if status == HTTPStatus.NOT_FOUND else _OUR_FAULT if status >= 500 else _TRY_AGAIN
    text = _TEXTS.get(status, _BROKEN if status >= 500 else _NOT_UNDERSTOOD)
    ref = reference()
    _log.info("http error", status=status, method=request.method, path=request.path[:200], ref=ref)
    return _answer(programs, status, heading, text, _LATER if status >= 500 else _START_AGAIN, ref)


def _answer(
    programs: Collection[str], status: int, heading: str, text: str, next_step: str, ref: str
) -> Response:
    if request.endpoint in programs:
        response = jsonify(
            error="server_error" if status >= 500 else "invalid_request",
            error_description=text,
            reference=ref,
        )
        response.status_code = status
        return response
    return page("error.html", status=status, heading=heading, text=text, next_step=next_step, reference=ref)
