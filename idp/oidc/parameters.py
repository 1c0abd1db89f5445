"""Read form-encoded parameters strictly: bounded, valid UTF-8, repeated ones noticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from idp.core.errors import BadMessage

LONGEST = 32 * 1024  # bytes, of a query or body
_MOST = 100


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was sent, by name. repeated holds the names that came more than once.

    A parameter without a value counts as not sent (RFC 6749 section 3.1).
    """

    values: Mapping[str, str]
    repeated: frozenset[str]

    def get(self, name: str) -> str:
        """Return the value, "" when it was not sent."""
        return self.values.get(name, "")


def read(encoded: bytes) -> Parameters:
    """Read a raw query string or form body. Raises BadMessage when it can't be read for sure."""
    if len(encoded) > LONGEST:
        raise BadMessage("This request is too long.")
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST
        )
    except ValueError as bad:
        raise BadMessage("This request could not be read.", detail="not form-encoded") from bad
    names = [name for name, _ in pairs]
    if any("\0" in value for _, value in pairs):
        raise BadMessage("This request could not be read.", detail="NUL in a parameter")
    return Parameters(
        values={name: value for name, value in pairs if value},
        repeated=frozenset(name for name in names if names.count(name) > 1),
    )
