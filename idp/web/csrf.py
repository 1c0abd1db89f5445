"""Refuse forms that another site sent in a person's name."""

from __future__ import annotations

from collections.abc import Collection

from flask import Flask, request
from werkzeug.datastructures import Headers

from idp.core.errors import BadMessage
from idp.web import settings

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: Flask, *, open_endpoints: Collection[str]) -> None:
    """Check every unsafe request, but those to the endpoints that partners post to."""
    exempt = frozenset(open_endpoints)

    def check() -> None:
        if request.method in _SAFE or request.endpoint in exempt:
            return
        if not from_our_pages(request.headers, settings.current().origin):
            raise BadMessage(
                "This form was sent from another site, so it was not used.",
                detail=f"Sec-Fetch-Site {request.headers.get('Sec-Fetch-Site', '')[:40]!r}, "
                f"Origin {request.headers.get('Origin', '')[:200]!r}",
            )

    app.before_request(check)


def from_our_pages(headers: Headers, origin: str) -> bool:
    """Say whether an unsafe request comes from one of our pages, or from no page at all.

    Sec-Fetch-Site can't be set by scripts. A client that sends neither it nor Origin is no
    browser, and carries nobody's cookies but its own.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    return headers.get("Origin", origin) == origin
