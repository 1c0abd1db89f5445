"""Changes to signed XML: the same document in other words, and wild ones."""

from __future__ import annotations

import random
from collections.abc import Callable

from lxml import etree

Change = Callable[[bytes, random.Random], bytes]


def _somewhere(data: bytes, marks: tuple[bytes, ...], chance: random.Random) -> int:
    """Return the place of one of the marks, or -1."""
    places = [place for mark in marks for place in range(len(data)) if data.startswith(mark, place)]
    return chance.choice(places) if places else -1


# The same XML in other words.


def _space_in_tag(data: bytes, chance: random.Random) -> bytes:
    place = _somewhere(data, (b">", b"/>"), chance)
    if data[place - 1 : place + 1] == b"/>":
        return data
    space = chance.choice([b" ", b"\n", b"\t "])
    return data[:place] + space + data[place:]


def _space_between_attributes(data: bytes, chance: random.Random) -> bytes:
    place = _somewhere(data, (b" Algorithm=", b" ID=", b" URI=", b" Version="), chance)
    return data[:place] + chance.choice([b" ", b"\r\n", b"\t"]) + data[place:]


def _character_reference(data: bytes, chance: random.Random) -> bytes:
    place = _somewhere(data, (b"sp.example", b"_genuine", b"sha256"), chance)
    form = chance.choice([b"&#%d;", b"&#x%x;", b"&#%04d;"])
    return data[:place] + form % data[place] + data[place + 1 :]


def _cdata(data: bytes, _chance: random.Random) -> bytes:
    return data.replace(b">alice<", b"><![CDATA[alice]]><")


def _quotes(data: bytes, chance: random.Random) -> bytes:
    root = etree.fromstring(data)
    return etree.tostring(root, encoding=chance.choice(["utf-8", "us-ascii"]), xml_declaration=True)


def _declared_prefix(data: bytes, chance: random.Random) -> bytes:
    place = _somewhere(data, (b" ID=", b" Version=", b" Algorithm="), chance)
    return data[:place] + b' xmlns:unused%d="urn:unused"' % chance.randrange(99) + data[place:]


def _key_info(data: bytes, chance: random.Random) -> bytes:
    begin, end = data.find(b"<ds:KeyInfo>"), data.find(b"</ds:KeyInfo>") + len(b"</ds:KeyInfo>")
    name = b"<ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo>"
    return data[:begin] + chance.choice([b"", name]) + data[end:]


def _lines_in_value(data: bytes, chance: random.Random) -> bytes:
    place = data.find(b"<ds:SignatureValue>") + len(b"<ds:SignatureValue>") + chance.randrange(60)
    return data[:place] + chance.choice([b"\n", b" \t", b"\r\n  "]) + data[place:]


SAME: list[Change] = [
    _space_in_tag,
    _space_between_attributes,
    _character_reference,
    _cdata,
    _quotes,
    _declared_prefix,
    _key_info,
    _lines_in_value,
]


# Wild ones.


def _bytes(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        changed[chance.randrange(len(changed))] = chance.choice(b"<>&\"'/ =#:;!?-[]\n\tAa0")
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(data))
    return data[:begin] + data[begin + chance.randint(1, 80) :]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(data))
    end = begin + chance.randint(1, 400)
    return data[:end] + data[begin:end] + data[end:]


def _move_element(data: bytes, chance: random.Random) -> bytes:
    root = etree.fromstring(data)
    elements = list(root.iter())
    moved, place = chance.choice(elements[1:]), chance.choice(elements)
    if place is not moved and moved not in place.iterancestors():
        place.insert(chance.randint(0, len(place)), moved)
    return etree.tostring(root)


def _change_attribute(data: bytes, chance: random.Random) -> bytes:
    root = etree.fromstring(data)
    elements = [element for element in root.iter() if element.attrib]
    one, other = chance.choice(elements), chance.choice(elements)
    one.set(chance.choice(one.keys()), chance.choice([*other.attrib.values(), "", "#", "x"]))
    return etree.tostring(root)


WILD: list[Change] = [_bytes, _cut, _repeat, _move_element, _change_attribute]


def is_xml(data: bytes) -> bool:
    try:
        etree.fromstring(data)
    except etree.XMLSyntaxError:
        return False
    return True
