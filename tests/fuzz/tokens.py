"""Signed tokens taken apart: what their headers and claims say is changed as JSON, member by member."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence

from tests.fuzz.edits import BYTES, Change, Edit, Pair, apply

_NAMES = (
    *("alg", "kid", "typ", "crit", "jwk", "jku", "x5c", "x5t#S256", "b64", "zip", "enc", "cty"),
    *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "nonce", "", "x"),
)
# What has broken somebody's reader of JSON, or of a member that is usually a text or a number.
_ODD = (
    *("null", "true", "0", "-1", "1.5", "1e309", "NaN", "-Infinity", "9" * 30, "9" * 4999, "", "x", "}"),
    *('""', '"x"', '"\\u0000"', '"\\ud800"', '"\\udfff\\ud800"', '"none"', '"HS256"', '"at+jwt"'),
    *("[]", "[1]", "[null]", '["b64"]', '[["b64"]]', "{}", '{"a": []}', '{"kty": "oct", "k": "AA"}'),
    *("[" * 2500 + "]" * 2500, '{"a":' * 900 + "1" + "}" * 900),
)


def _set(members: list[Pair], name: str, value: str) -> list[Pair]:
    return [*((one, old) for one, old in members if one != name), (name, value)]


def _put(members: list[Pair], place: int, text: str) -> list[Pair]:
    return _set(members, _NAMES[place % len(_NAMES)], _ODD[place // len(_NAMES) % len(_ODD)])


def _odd(members: list[Pair], place: int, text: str) -> list[Pair]:
    at = place % len(members) if members else 0
    return _set(members, *((members[at][0], _ODD[place // 16 % len(_ODD)]) if members else ("x", "1")))


def _half(members: list[Pair], place: int, text: str) -> list[Pair]:
    # Half of a character, which JSON can spell and nothing can store.
    half = json.dumps(text[:20] + "\ud800")
    return _set(members, members[place % len(members)][0] if members else text, half)


def _text(members: list[Pair], place: int, text: str) -> list[Pair]:
    return _set(members, members[place % len(members)][0] if members else text, json.dumps(text))


# Members are pairs of a name and JSON text, so that they can come twice or be no JSON at all.
MEMBERS: Mapping[str, Change[list[Pair]]] = {
    "put": _put,
    "odd": _odd,
    "half": _half,
    "text": _text,
    "raw": lambda members, place, text: [*members, (_NAMES[place % len(_NAMES)], text)],
    "named": lambda members, _place, text: [*members, (text, "1")],
    "drop": lambda members, place, _text: [
        one for at, one in enumerate(members) if at != place % len(members)
    ],
    "again": lambda members, place, _text: [
        *members,
        *[(name, _ODD[place % len(_ODD)]) for name, _ in members[:1]],
    ],
    "many": lambda members, _place, _text: [*members, *[(f"x{n}", "0") for n in range(400)]],
}
LAYERS: Mapping[str, Mapping[str, Change[list[Pair]]] | Mapping[str, Change[bytes]]] = {
    "header": MEMBERS,
    "claims": MEMBERS,
    "token": BYTES,
}


def crafted(token: str, chosen: Sequence[Edit], *, sign: Callable[[bytes], bytes] | None = None) -> str:
    """Return a token with the edits made, signed anew by whoever can; the others keep its signature."""
    head, body, signature = token.split(".")
    head, body = _changed(head, chosen, "header"), _changed(body, chosen, "claims")
    if sign is not None:
        signature = _encoded(sign(f"{head}.{body}".encode()))
    whole = f"{head}.{body}.{signature}".encode()
    return apply(BYTES, whole, chosen, "token").decode("utf-8", "replace")


def _changed(part: str, chosen: Sequence[Edit], layer: str) -> str:
    if not any(edit.layer == layer for edit in chosen):
        return part
    said = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return _encoded(rewritten(members_of(said), chosen, layer))


def members_of(said: Mapping[str, object]) -> list[Pair]:
    """Return the members of an object, each with its value as JSON."""
    return [(name, json.dumps(value, separators=(",", ":"))) for name, value in said.items()]


def rewritten(members: list[Pair], chosen: Sequence[Edit], layer: str) -> bytes:
    """Return members, changed, as an object."""
    made = apply(MEMBERS, members, chosen, layer)
    text = ",".join(f"{json.dumps(name)}:{value}" for name, value in made)
    return f"{{{text}}}".encode("utf-8", "surrogatepass")


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
