"""Fill the templates of gateways: named places in text, never code.

A place is {number}, {text} and so on; any other brace stands for itself. What is filled in is
never looked at for places again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping

from idp.core.errors import Refused

_PLACE = re.compile(r"\{([a-z_]+)\}")
_LONGEST = 4000


def check(template: str, places: Collection[str]) -> None:
    """Raise Refused when a template is too long or has a place that there is nothing for."""
    if len(template) > _LONGEST:
        raise Refused(f"A template has at most {_LONGEST} characters.")
    unknown = sorted(set(_PLACE.findall(template)) - set(places))
    if unknown:
        known = ", ".join(f"{{{place}}}" for place in places)
        raise Refused(f"Nothing is known as {{{unknown[0]}}} here; use {known}.")


def fill(template: str, values: Mapping[str, str], encode: Callable[[str], str] = str) -> str:
    """Return the template with each place taken by its value, encoded for where it stands."""
    return _PLACE.sub(lambda place: encode(values[place[1]]), template)


def fill_json(template: str, values: Mapping[str, str]) -> bytes:
    """Return a JSON document whose texts are filled in: its shape stays, whatever the values hold."""
    return json.dumps(_filled(json.loads(template), values)).encode()


def check_json(template: str, places: Collection[str]) -> None:
    """Raise Refused when a template is no JSON document, or has an unknown place."""
    check(template, places)
    try:
        document = json.loads(template)
    except (ValueError, RecursionError) as error:
        raise Refused("The body is not JSON.", detail=str(error)[:200]) from error
    if not isinstance(document, (dict, list)):
        raise Refused("The body must be a JSON object or list.")


def _filled(value: object, values: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    return value
