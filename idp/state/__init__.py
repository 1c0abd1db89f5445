"""State: things in flight that may vanish or step back a second, shared by all processes."""

from idp.state.opening import StateBackend, open_state
from idp.state.sqlite import SqliteState

__all__ = ["SqliteState", "StateBackend", "open_state"]
