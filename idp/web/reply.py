"""Turn a Reply into what a browser understands: a redirect, or a page that goes on by itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from secrets import token_hex

from flask import Response, render_template, request
from markupsafe import escape

from idp.core.model import Reply
from idp.web import headers, i18n
from idp.web.addresses import check_follow, check_post, is_web
from idp.web.i18n import Language
from idp.web.templating import HTML, page

# What stands in a rendered page where each answer puts its own; it never leaves this process.
_HOLE = token_hex(16)


def respond(reply: Reply, *, partner_name: str = "", locale: str = "") -> Response:
    """Return the response that takes the browser where the reply says.

    Raises BadMessage when the address is none a browser may be sent to.
    """
    if reply.fields is not None:
        return _post(reply.address, reply.fields, partner_name=partner_name, locale=locale)
    address = check_follow(reply.address)
    if is_web(address) and _answers_a_form():
        return page("continue.html", address=address, partner_name=partner_name, locale=locale)
    return Response(status=303, headers={"Location": address})


def _post(address: str, fields: Mapping[str, str], *, partner_name: str, locale: str) -> Response:
    headers.allow_form_through(check_post(address))
    if locale:
        i18n.prefer(locale)
    head, middle, script, tail = _around(i18n.language(), partner_name)
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    body = f"{head}{escape(address)}{middle}{hidden}{script}{headers.nonce()}{tail}"
    response = Response(body, content_type=HTML)
    # Partners may look at Origin; under the stricter policy of our other pages it would be "null".
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


@lru_cache(maxsize=256)
def _around(language: Language, partner_name: str) -> tuple[str, ...]:
    """Return the page around an answer's address, fields and nonce, in four parts.

    Rendering it anew would cost more than everything else about an answer but its signatures.
    """
    around = render_template(
        "autopost.html",
        address=_HOLE,
        fields=_HOLE,
        nonce=lambda: _HOLE,
        language=lambda: language,
        partner_name=partner_name,
    )
    return tuple(around.split(_HOLE))


def _answers_a_form() -> bool:
    """Say whether a browser that holds form-action against redirects waits for this answer.

    A 303 would carry the form's policy along: as soon as the partner's endpoint redirects to
    another host (or sign-out walks from partner to partner), Chromium stops. A page that
    goes on by itself starts afresh. Browsers that do this send Sec-Fetch-Mode.
    """
    return request.method == "POST" and request.headers.get("Sec-Fetch-Mode") == "navigate"
