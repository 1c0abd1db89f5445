"""Read the query string of any request, whatever bytes were sent in it."""

from __future__ import annotations

from urllib.parse import parse_qsl

from flask import Request
from werkzeug.datastructures import MultiDict
from werkzeug.utils import cached_property


class AnyQuery(Request):
    """A request whose args can always be read.

    A server hands raw bytes on as they came, and werkzeug takes them for UTF-8: a single
    wrong one would break every page that looks at `?lang=`, the error page among them.
    """

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """Return the parameters of the address; what is no UTF-8 becomes U+FFFD."""
        text = self.query_string.decode(errors="replace")
        return self.parameter_storage_class(parse_qsl(text, keep_blank_values=True, errors="replace"))
