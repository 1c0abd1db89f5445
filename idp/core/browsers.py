"""Name a browser and what it runs on, from what it says of itself: to be recognised, never to be trusted."""

from __future__ import annotations

from dataclasses import dataclass

# The particular before what it claims to be like.
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "Chromebook"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)
_NAMES = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """What a browser calls itself; "" for what it does not say."""

    name: str
    system: str


def browser_of(user_agent: str) -> Browser:
    """Return what a User-Agent header says."""
    return Browser(
        name=next((name for token, name in _NAMES if token in user_agent), ""),
        system=next((name for token, name in _SYSTEMS if token in user_agent), ""),
    )
