"""Say how log lines look: one line an event, exceptions without the values in them."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure(style: str) -> None:
    """Write log lines to standard error, as "text" for people or "json" for collectors."""
    # Plain tracebacks: the richer ones print local variables, and those hold passwords and codes.
    last: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if style == "text":
        plain = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # It logs whole messages at lower levels, and in error paths too.
    logging.getLogger("saml2").setLevel(logging.CRITICAL)
