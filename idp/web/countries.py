"""Name countries in the language of a page, and guess which one its reader is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from babel import Locale
from babel.core import get_global
from flask import Flask, request

from idp.web.i18n import language

# The first language of a browser, with its script and country if it says them.
_FIRST = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z]{4})?(?:-([A-Za-z]{2}))?\b")


def install(app: Flask) -> None:
    """Let templates list countries by name, and choose one."""
    app.jinja_env.filters["named_countries"] = _named
    app.jinja_env.globals["home_country"] = home_country


def home_country() -> str:
    """Return the ISO 3166 code of the country that the browser's first language is of, or ""."""
    found = _FIRST.match(request.headers.get("Accept-Language", ""))
    if found is None:
        return ""
    likely: str = get_global("likely_subtags").get(found[1].lower(), "")
    return (found[2] or likely.rpartition("_")[2]).upper()


def _named(calling: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return _listed(language().tag, tuple(calling.items()))


@lru_cache(maxsize=64)
def _listed(tag: str, calling: tuple[tuple[str, str], ...]) -> list[tuple[str, str, str]]:
    """Return (code, name, calling code) of each country, by name."""
    names = Locale.parse(tag, sep="-").territories
    listed = [(region, names.get(region, region), code) for region, code in calling]
    return sorted(listed, key=lambda one: one[1].casefold())
