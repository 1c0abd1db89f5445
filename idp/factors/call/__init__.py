"""Phone calls: pick up and press a key, type a PIN, or hear a code."""

from idp.factors.call.dialogue import Mode
from idp.factors.call.factor import PLACES, Call, Line, handed_out, new_pin, read_extension, read_line
from idp.factors.call.settings import CallSettings, CallSettingsStore

__all__ = [
    "PLACES",
    "Call",
    "CallSettings",
    "CallSettingsStore",
    "Line",
    "Mode",
    "handed_out",
    "new_pin",
    "read_extension",
    "read_line",
]
