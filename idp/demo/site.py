"""What the demo applications share: a small Flask site, accounts in memory, and a server."""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from collections import OrderedDict
from types import FrameType
from typing import Generic, TypeVar

from flask import Flask, Response, render_template
from werkzeug.serving import WSGIRequestHandler, make_server

T = TypeVar("T")
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'"
_MOST = 1000  # a demo: whoever comes after that many signs the first one out


class Memory(Generic[T]):
    """A bounded table from random ids to values, the oldest forgotten first; safe across threads."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, value: T) -> str:
        """Store a value and return its new id: 256 random bits."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._values[key] = value
            while len(self._values) > _MOST:
                self._values.popitem(last=False)
        return key

    def get(self, key: str | None) -> T | None:
        """Return the value of an id, or None."""
        with self._lock:
            return self._values.get(key or "")

    def pop(self, key: str | None) -> T | None:
        """Return and forget the value of an id, or None."""
        with self._lock:
            return self._values.pop(key or "", None)

    def items(self) -> list[tuple[str, T]]:
        """Return all ids and values of this moment."""
        with self._lock:
            return list(self._values.items())


def make_site(name: str, *, protocol: str, accent: str, live: bool = False) -> Flask:
    """Return a Flask site with the demo's look; its session cookie is named after it.

    The name matters: cookies do not know ports, and all demos live on 127.0.0.1. live: its own
    scripts may look for news.
    """
    site = Flask(__name__)
    site.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_NAME=f"{name.lower()}_session",
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=512 * 1024,
    )
    site.context_processor(lambda: {"name": name, "protocol": protocol, "accent": accent})
    policy = f"{_POLICY}; script-src 'self'; connect-src 'self'" if live else _POLICY
    site.after_request(lambda response: _headers(response, policy))
    return site


def problem(text: str, *, status: int = 400) -> tuple[str, int]:
    """Return the page that says what went wrong, and its status."""
    return render_template("problem.html", text=text), status


def run(site: Flask, *, port: int) -> None:
    """Serve the site on 127.0.0.1 until SIGTERM or Ctrl-C; exit code 0 then."""
    server = make_server("127.0.0.1", port, site, threaded=True, request_handler=_Quiet)

    def leave(_signal: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    with server:
        server.serve_forever()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing about ordinary requests."""


def _headers(response: Response, policy: str) -> Response:
    response.headers["Content-Security-Policy"] = policy
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response
