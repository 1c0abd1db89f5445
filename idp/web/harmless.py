"""HEAD asks what GET would say and must change nothing: previews and scanners send it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Response, request

P = ParamSpec("P")


def not_by_head(view: Callable[P, Response]) -> Callable[P, Response]:
    """Return the view of an address that works once, which HEAD then does not use up (RFC 9110 9.3.2)."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
        return Response() if request.method == "HEAD" else view(*args, **kwargs)

    return guarded
