"""Read and write the service's cookies; every one is HttpOnly, Lax and, but on loopback, `__Host-`."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum

from flask import Request, Response

from idp.web import settings

# Our secrets are 43 characters; anything much longer was not made by us and is not looked up.
_VALUE = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Jar(StrEnum):
    """The cookies there are."""

    BROWSER = "browser"  # binds a sign-in to this browser
    SESSION = "session"  # single sign-on
    DEVICE = "device"  # a browser seen before
    LANGUAGE = "language"  # what the person chose to read


def read(request: Request, jar: Jar) -> str:
    """Return the cookie's value, empty when absent or not of the form we write."""
    value = request.cookies.get(name_of(jar), "")
    return value if _VALUE.fullmatch(value) else ""


def keep(response: Response, jar: Jar, value: str, *, lifetime: timedelta | None = None) -> None:
    """Set the cookie; without a lifetime the browser forgets it when it closes."""
    response.set_cookie(
        name_of(jar),
        value,
        max_age=lifetime,
        path="/",
        secure=_secure(),
        httponly=True,
        # Lax, not Strict: a partner sends people here from another site, and single sign-on
        # needs the session on that first GET.
        samesite="Lax",
    )


def drop(response: Response, jar: Jar) -> None:
    """Tell the browser to forget the cookie."""
    response.delete_cookie(name_of(jar), path="/", secure=_secure(), httponly=True, samesite="Lax")


def name_of(jar: Jar) -> str:
    """Return the cookie's name in the browser."""
    # __Host- keeps sibling subdomains from planting or reading it (RFC 6265bis 4.1.3.2).
    return f"__Host-countersign-{jar}" if _secure() else f"countersign-{jar}"


def _secure() -> bool:
    # Browsers drop Secure cookies on plain http, which we serve on loopback only.
    here = settings.current()
    return here.https or not here.loopback
