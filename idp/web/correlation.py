"""Give each request an id that joins its log lines, audit rows and error page."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g
from structlog.contextvars import bind_contextvars, clear_contextvars


def install(app: Flask) -> None:
    """Make a new id for every request; one sent by the client is never believed."""
    app.before_request(_begin)
    app.after_request(_tell)


def current() -> str:
    """Return the id of this request."""
    if "correlation" not in g:
        g.correlation = secrets.token_hex(8)
    return str(g.correlation)


def _begin() -> None:
    clear_contextvars()
    bind_contextvars(correlation=current())


def _tell(response: Response) -> Response:
    response.headers["X-Correlation-Id"] = current()
    return response
