"""The engine for PostgreSQL: a pool that survives a restart of the server, and limits on waiting."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

# A server that is gone must cost seconds, not the minutes that TCP would wait; a statement or a
# lock that takes so long is not worth waiting for, and would hold up everybody behind it.
_CONNECTING: dict[str, Any] = {
    "application_name": "countersign",
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,
    "tcp_user_timeout": 20_000,  # milliseconds
    "options": ("-c statement_timeout=20s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"),
}
_WAITING = 10.0  # seconds for a connection of the pool
_PARTING = 4  # connections beyond the pool: for the moment when one thread needs a second


def postgresql_engine(url: str, *, connections: int) -> sa.Engine:
    """Return the engine for a server. What the URL's query says of the connection goes before ours."""
    chosen = sa.make_url(url).query
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        # Said, not left to the server's default: the statements are written for it.
        isolation_level="READ COMMITTED",
        connect_args={name: value for name, value in _CONNECTING.items() if name not in chosen},
        # Else an insert that met a conflict can't be told from one that did not.
        execution_options={"preserve_rowcount": True},
        pool_size=connections,
        max_overflow=_PARTING,
        pool_timeout=_WAITING,
        # A look before each use: connections that a restart of the server cut are replaced unseen.
        pool_pre_ping=True,
    )
    event.listen(engine, "handle_error", _without_values)
    return engine


def _without_values(context: Any) -> None:
    """Leave only the first sentence of the server's error: the others quote the row's values."""
    diagnosis = getattr(context.original_exception, "diag", None)
    said = diagnosis.message_primary if diagnosis is not None else None
    if said is None:
        return
    context.original_exception.args = (said,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(context.original_exception).__name__}) {said}",)
