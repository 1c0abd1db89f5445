"""What an administrator says about calls: what people do in them, how many there may be, how they begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from idp.factors.call.dialogue import Mode
from idp.factors.tolls import TollLimits
from idp.store import Store
from idp.store.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """How calls go. greetings are said first, by language (BCP 47), in place of our own."""

    mode: Mode = Mode.KEY
    limits: TollLimits = field(default_factory=lambda: TollLimits(daily=1000, per_country=100))
    greetings: Mapping[str, str] = field(default_factory=dict)


class CallSettingsStore(Setting[CallSettings]):
    """The settings in force."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "calls", CallSettings())
