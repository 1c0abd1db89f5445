"""Choose the state backend by its URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from idp.core.errors import Refused
from idp.core.ports import Clock
from idp.state.sqlite import SqliteState

if TYPE_CHECKING:
    from idp.state.redis import RedisState

StateBackend: TypeAlias = "SqliteState | RedisState"
_SQLITE = "sqlite:///"
_REDIS = frozenset({"redis", "rediss", "redis+sentinel", "rediss+sentinel"})


def open_state(url: str, *, data: Path, clock: Clock) -> StateBackend:
    """Return the state at a URL; an empty one means state.db in the data folder.

    sqlite:///relative/path and sqlite:////absolute/path, as SQLAlchemy writes them; redis:// and
    its relatives as `redis.open_redis` reads them. Raises Refused for anything else.
    """
    if not url:
        return SqliteState(data / "state.db", clock)
    if url.partition("://")[0] in _REDIS:
        from idp.state.redis import open_redis  # a sixth of a start, and most have none

        return open_redis(url, clock)
    path = url.removeprefix(_SQLITE)
    if path == url or not path or path == ":memory:":
        # Without the address: it may hold a password.
        raise Refused(
            "The state URL is not one this version knows. Use sqlite:///path/to/state.db or "
            "redis://host/0, or leave it empty for state.db in the data folder."
        )
    return SqliteState(Path(path), clock)
