"""Say whether the process lives, and whether it can do its work now: for balancers and monitors."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from idp.core.errors import CountersignError

JSON_ENDPOINTS = ("health.live", "health.ready")
# A check does a little real work and raises when that fails.
Check = Callable[[], None]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPages:
    """The addresses /healthz and /readyz; checks are named for the answer."""

    checks: Mapping[str, Check]

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("health", __name__)
        blueprint.add_url_rule("/healthz", "live", lambda: jsonify(status="ok"))
        blueprint.add_url_rule("/readyz", "ready", self._ready)
        return blueprint

    def _ready(self) -> Response:
        outcomes = {name: _works(name, check) for name, check in self.checks.items()}
        ready = all(outcomes.values())
        response = jsonify(status="ok" if ready else "failing", checks=outcomes)
        response.status_code = 200 if ready else 503
        return response


def _works(name: str, check: Check) -> bool:
    try:
        check()
    except (SQLAlchemyError, sqlite3.Error, OSError, CountersignError) as error:
        _log.error("not ready", check=name, error=str(error))
        return False
    return True
