"""Turn a Reply into what a browser understands: a redirect, or a page that goes on by itself."""

from __future__ import annotations

from flask import Response, request

from idp.core.model import Reply
from idp.web import headers
from idp.web.addresses import check_follow, check_post, is_web
from idp.web.templating import page


def respond(reply: Reply, *, partner_name: str = "", locale: str = "") -> Response:
    """Return the response that takes the browser where the reply says.

    Raises BadMessage when the address is none a browser may be sent to.
    """
    if reply.fields is not None:
        return _post(reply, partner_name=partner_name, locale=locale)
    address = check_follow(reply.address)
    if is_web(address) and _answers_a_form():
        return page("continue.html", address=address, partner_name=partner_name, locale=locale)
    return Response(status=303, headers={"Location": address})


def _post(reply: Reply, *, partner_name: str, locale: str) -> Response:
    address = check_post(reply.address)
    headers.allow_form_through(address)
    response = page(
        "autopost.html", address=address, fields=reply.fields, partner_name=partner_name, locale=locale
    )
    # Partners may look at Origin; under the stricter policy of our other pages it would be "null".
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


def _answers_a_form() -> bool:
    """Say whether a browser that holds form-action against redirects waits for this answer.

    A 303 would carry the form's policy along: as soon as the partner's endpoint redirects to
    another host (or sign-out walks from partner to partner), Chromium stops. A page that
    goes on by itself starts afresh. Browsers that do this send Sec-Fetch-Mode.
    """
    return request.method == "POST" and request.headers.get("Sec-Fetch-Mode") == "navigate"
