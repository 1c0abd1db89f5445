"""Publish small JSON documents under /.well-known/ (RFC 8615)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, abort, jsonify


@dataclass(frozen=True, slots=True, kw_only=True)
class WellKnownPages:
    """The address /.well-known/NAME of each document, which is made at each request."""

    documents: Mapping[str, Callable[[], object]]

    def blueprint(self) -> Blueprint:
        """Return the route."""
        blueprint = Blueprint("wellknown", __name__)
        blueprint.add_url_rule("/.well-known/<name>", "document", self._document)
        return blueprint

    def _document(self, name: str) -> Response:
        if name not in self.documents:
            abort(404)
        return jsonify(self.documents[name]())
