"""Choose the state backend by its URL."""

from __future__ import annotations

from pathlib import Path

from idp.core.errors import Refused
from idp.core.ports import Clock
from idp.state.redis import SCHEMES, RedisState, open_redis
from idp.state.sqlite import SqliteState

StateBackend = SqliteState | RedisState
_SQLITE = "sqlite:///"


def open_state(url: str, *, data: Path, clock: Clock) -> StateBackend:
    """Return the state at a URL; an empty one means state.db in the data folder.

    sqlite:///relative/path and sqlite:////absolute/path, as SQLAlchemy writes them; redis:// and
    its relatives as `redis.open_redis` reads them. Raises Refused for anything else.
    """
    if not url:
        return SqliteState(data / "state.db", clock)
    if url.partition("://")[0] in SCHEMES:
        return open_redis(url, clock)
    path = url.removeprefix(_SQLITE)
    if path == url or not path or path == ":memory:":
        # Without the address: it may hold a password.
        raise Refused(
            "The state URL is not one this version knows. Use sqlite:///path/to/state.db or "
            "redis://host/0, or leave it empty for state.db in the data folder."
        )
    return SqliteState(Path(path), clock)
