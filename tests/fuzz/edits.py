"""Changes to a message, layer by layer: an example is a genuine message and a few of these.

An edit says what to do, where and with what, and never looks at the message when it is drawn:
so the same few numbers shrink to the same small change, whatever the message was.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st

from tests.fuzz.values import places, texts

T = TypeVar("T")


class Edit(NamedTuple):
    """One change: which layer of the message, what, where, and with which text."""

    layer: str
    what: str
    place: int
    text: str


Change = Callable[[T, int, str], T]
Pair = tuple[str, str]


def edits(
    layers: Mapping[str, Iterable[str]], *, most: int = 3, mostly: str = ""
) -> st.SearchStrategy[list[Edit]]:
    """Return lists of edits of the layers, each with its own changes; mostly one or two.

    mostly names the layer that is changed as often as all others together.
    """
    # A strategy of its own each time: the same one twice would count once.
    one = st.one_of(
        *(
            st.builds(Edit, st.just(layer), st.sampled_from(sorted(layers[layer])), places, texts)
            for layer in (*layers, *[mostly] * (len(layers) - 2 if mostly else 0))
        )
    )
    return st.one_of(st.lists(one, max_size=1), st.lists(one, max_size=most))


def apply(changes: Mapping[str, Change[T]], value: T, chosen: Sequence[Edit], layer: str) -> T:
    """Return the value after those of the edits that concern the layer."""
    for edit in chosen:
        if edit.layer == layer:
            value = changes[edit.what](value, edit.place, edit.text)
    return value


# Bytes ----------------------------------------------------------------------------------------
def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _at(data: bytes, place: int) -> int:
    return place % (len(data) + 1)


def _insert(data: bytes, place: int, text: str) -> bytes:
    at = _at(data, place)
    return data[:at] + _encoded(text) + data[at:]


def _flip(data: bytes, place: int, text: str) -> bytes:
    if not data:
        return data
    at, bit = place % len(data), 1 << (place // len(data)) % 8
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


def _overwrite(data: bytes, place: int, text: str) -> bytes:
    at, new = _at(data, place), _encoded(text)
    return data[:at] + new + data[at + len(new) :]


def _drop(data: bytes, place: int, text: str) -> bytes:
    at = _at(data, place)
    return data[:at] + data[at + 1 + len(text) :]


def _twice(data: bytes, place: int, text: str) -> bytes:
    at = _at(data, place)
    return data[:at] + data[at // 2 : at] + data[at:]


BYTES: Mapping[str, Change[bytes]] = {
    "insert": _insert,
    "flip": _flip,
    "overwrite": _overwrite,
    "drop": _drop,
    "twice": _twice,
    "cut": lambda data, place, _text: data[: _at(data, place)],
    "swap": lambda data, place, _text: data[_at(data, place) :] + data[: _at(data, place)],
    "append": lambda data, _place, text: data + _encoded(text),
    "only": lambda _data, _place, text: _encoded(text),
}


# Character encodings of a document ------------------------------------------------------------
def _recoded(name: str, declared: str) -> Change[bytes]:
    def change(data: bytes, place: int, text: str) -> bytes:
        head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        return (head + data.decode("utf-8", "replace")).encode(name, "replace")

    return change


ENCODINGS: Mapping[str, Change[bytes]] = {
    "utf-16": _recoded("utf-16", ""),
    "utf-16-le": _recoded("utf-16-le", "utf-16"),
    "utf-16-be": _recoded("utf-16-be", "utf-16"),
    "utf-32": _recoded("utf-32", "utf-32"),
    "utf-7": _recoded("utf-7", "utf-7"),
    "latin-1": _recoded("latin-1", "iso-8859-1"),
    "ebcdic": _recoded("cp037", "cp037"),
    "mark": _recoded("utf-8-sig", ""),
    "declared": _recoded("utf-8", "utf-8"),
    "lie": _recoded("utf-8", "utf-16"),
    "standalone": lambda data, _place, _text: b'<?xml version="1.1" standalone="yes"?>' + data,
    "doctype": lambda data, _place, _text: b'<!DOCTYPE a [<!ENTITY lol "lol">]>' + data,
    "external": lambda data, _place, _text: b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + data,
    "entity": lambda data, place, _text: data.replace(b"</", b"&lol;</", 1 + place % 3),
    "comment": lambda data, place, _text: data.replace(b"</", b"<!--x--></", 1 + place % 3),
    "space": lambda data, _place, _text: b" \n" + data,
}


# DEFLATE and base64 ---------------------------------------------------------------------------
def _bomb(data: bytes, place: int, text: str) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    blanks = b" " * (1 << 16)
    return b"".join(packer.compress(blanks) for _ in range(1 + place % 64)) + packer.flush()


DEFLATED: Mapping[str, Change[bytes]] = {
    **BYTES,
    "zlib": lambda data, _place, _text: b"\x78\x9c" + data,
    "gzip": lambda data, _place, _text: b"\x1f\x8b\x08\x00" + data,
    "stored": lambda data, _place, _text: (
        b"\x01" + len(data[:60_000]).to_bytes(2, "little") * 2 + data[:60_000]
    ),
    "endless": lambda data, _place, _text: b"\x02" + data,
    "bomb": _bomb,
}

BASE64: Mapping[str, Change[bytes]] = {
    **BYTES,
    "url-safe": lambda data, _place, _text: data.replace(b"+", b"-").replace(b"/", b"_"),
    "bare": lambda data, _place, _text: data.rstrip(b"="),
    "padded": lambda data, place, _text: data + b"=" * (1 + place % 4),
    "lines": lambda data, _place, _text: b"\r\n".join(data[at : at + 76] for at in range(0, len(data), 76)),
    "again": lambda data, _place, _text: base64.b64encode(data),
}


# Parameters, still escaped --------------------------------------------------------------------
def _pair(pairs: list[Pair], place: int) -> int:
    return place % len(pairs)


def _on_pairs(change: Callable[[list[Pair], int, str], None]) -> Change[list[Pair]]:
    def changed(pairs: list[Pair], place: int, text: str) -> list[Pair]:
        new = list(pairs)
        if new:
            change(new, place % len(new), text)
        return new

    return changed


def _renamed(rename: Callable[[str], str]) -> Change[list[Pair]]:
    def change(pairs: list[Pair], at: int, text: str) -> None:
        pairs[at] = (rename(pairs[at][0]), pairs[at][1])

    return _on_pairs(change)


def _valued(revalue: Callable[[str, str], str]) -> Change[list[Pair]]:
    def change(pairs: list[Pair], at: int, text: str) -> None:
        pairs[at] = (pairs[at][0], revalue(pairs[at][1], text))

    return _on_pairs(change)


PAIRS: Mapping[str, Change[list[Pair]]] = {
    "again": _on_pairs(lambda pairs, at, _text: pairs.append(pairs[at])),
    "again-other": _on_pairs(
        lambda pairs, at, text: pairs.insert(at, (pairs[at][0], quote_plus(text, errors="replace")))
    ),
    "drop": _on_pairs(lambda pairs, at, _text: pairs.__delitem__(at)),
    "last": _on_pairs(lambda pairs, at, _text: pairs.append(pairs.pop(at))),
    "many": _on_pairs(lambda pairs, _at, _text: pairs.extend([(f"x{n}", "") for n in range(150)])),
    "swap-values": _on_pairs(
        lambda pairs, at, _text: pairs.__setitem__(at, (pairs[at][0], pairs[at - 1][1]))
    ),
    "name-case": _renamed(str.swapcase),
    "name-escaped": _renamed(lambda name: f"%{ord(name[0]):02X}{name[1:]}" if name else "%41"),
    "name-listed": _renamed(lambda name: name + "[]"),
    "name-spaced": _renamed(lambda name: "+" + name),
    "name-dotted": _renamed(lambda name: name + "%00"),
    "value": _valued(lambda _value, text: quote_plus(text, errors="replace")),
    "value-raw": _valued(lambda _value, text: text),
    "value-more": _valued(lambda value, text: value + quote(text, errors="replace")),
    "value-less": _valued(lambda value, _text: value[:-1]),
    "value-twice": _valued(lambda value, _text: value + value),
    "value-escaped": _valued(
        lambda value, _text: "".join(f"%{ord(c) & 255:02x}" for c in value[:200]) + value[200:]
    ),
    "value-broken": _valued(lambda value, _text: value + "%f"),
    "value-not-utf8": _valued(lambda value, _text: value + "%ff%c0%af"),
    "add": lambda pairs, _place, text: [*pairs, (text, "1")],
}


def joined(pairs: Sequence[Pair]) -> bytes:
    """Return pairs as a query string or form body; what can't be sent as it is goes as UTF-8."""
    return "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")
