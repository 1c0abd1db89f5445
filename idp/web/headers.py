"""Set the security headers of every response; pages say only what differs."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from flask import Flask, Response, g

from idp.web import settings
from idp.web.addresses import csp_source, is_web

_NO_FEATURES = ", ".join(
    [
        *(
            f"{name}=()"
            for name in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
        ),
        "publickey-credentials-create=(self)",
        "publickey-credentials-get=(self)",
    ]
)
# No includeSubDomains: the neighbours of this host are not ours to decide for.
_HSTS = "max-age=31536000"


def install(app: Flask) -> None:
    """Add the headers to every response of the application."""
    app.after_request(_add)


def nonce() -> str:
    """Return this response's script nonce, made at first use."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def allow_form_to(address: str) -> None:
    """Let forms of this page be answered by a redirect to the address's origin.

    Chromium holds `form-action` against every hop after a form's POST. Raises BadMessage.
    """
    _form_sources().append(csp_source(address))


def allow_form_through(address: str) -> None:
    """Let the form of this page post to the address and be redirected onwards from there.

    Where a partner's endpoint sends the browser next is the partner's affair: often to another
    of its hosts, which a list of one origin would block. Raises BadMessage.
    """
    allow_form_to(address)
    _form_sources().append("https:")
    if is_web(address) and address.startswith("http:"):
        _form_sources().append("http:")


def allow_frames(addresses: Iterable[str]) -> None:
    """Let this page load these addresses in frames, and nothing else. Raises BadMessage."""
    g.frame_sources = [csp_source(address) for address in addresses]


def allow_installing() -> None:
    """Let this page be installed as an app: it has a manifest and a service worker of ours."""
    g.installing = True


def _form_sources() -> list[str]:
    if "form_sources" not in g:
        g.form_sources = ["'self'"]
    sources: list[str] = g.form_sources
    return sources


def _policy() -> str:
    scripts = f"'nonce-{g.nonce}' 'strict-dynamic'" if "nonce" in g else "'none'"
    frames = [f"frame-src {' '.join(dict.fromkeys(g.frame_sources))}"] if "frame_sources" in g else []
    app = ["manifest-src 'self'", "worker-src 'self'"] if "installing" in g else []
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {scripts}",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            *frames,
            *app,
            f"form-action {' '.join(dict.fromkeys(_form_sources()))}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ]
    )


def _add(response: Response) -> Response:
    # There is no Cross-Origin-Opener-Policy: applications open the sign-in in a pop-up and
    # wait for it through window.opener, which any value of that header would cut for good.
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    # Not no-referrer: under it browsers send "Origin: null" with our own forms, and the check
    # in `csrf` would have nothing to go by where Sec-Fetch-Site is missing (Fetch, 3.2).
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", _NO_FEATURES)
    headers.setdefault("Cache-Control", "no-store")
    if settings.current().https:
        headers.setdefault("Strict-Transport-Security", _HSTS)
    return response
