"""What our gate accepts, xmlsec1 and python-xmlsec accept too, however the message was changed.

The changes are of two sorts: those that keep the meaning (another way to write the same XML),
which must be accepted by all, and wild ones, which mostly nobody accepts.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable

import pytest
from lxml import etree

from idp.core.errors import BadMessage
from tests.signedxml.keys import certificate, ec_key, rsa_key
from tests.signedxml.oracles import ORACLES
from tests.signedxml.samples import KINDS, Kind, canonical, gate, genuine
from tests.signedxml.wrapping import EIGHT

_LONG = bool(os.environ.get("COUNTERSIGN_LONG"))
_ROUNDS = 1_000 if _LONG else 60
_KEYS = {"RS256": rsa_key, "ES256": ec_key}
Change = Callable[[bytes, random.Random], bytes]


def _check_with_oracles(data: bytes, kind: Kind, alg: str, *, asked: int) -> None:
    """Ask python-xmlsec always, and the program, a process each time, less often in a short run."""
    for name, oracle in ORACLES.items():
        if _LONG or name == "python-xmlsec" or asked % 5 == 0:
            assert oracle(data, kind, certificate(_KEYS[alg]())), (name, data)


def _accepted(data: bytes, kind: Kind, alg: str) -> etree._Element | None:
    try:
        return gate(data, kind, key=_KEYS[alg]())
    except BadMessage:
        return None


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


_SAME = [
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


_WILD = [_bytes, _cut, _repeat, _move_element, _change_attribute]


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_same_xml_in_other_words_is_accepted_by_all(kind: Kind, alg: str) -> None:
    chance, data = random.Random(f"{kind.name} {alg}"), genuine(kind, alg)
    true = canonical(_accepted(data, kind, alg))
    for asked, change in enumerate(_SAME):
        written = change(data, chance)
        for _ in range(3):
            written = chance.choice(_SAME)(written, chance)
        # A prefix declared twice on one element, or cut in two, is no XML.
        if _is_xml(written):
            verified = _accepted(written, kind, alg)
            assert verified is not None, written
            assert canonical(verified) == true
            _check_with_oracles(written, kind, alg, asked=asked)


def _is_xml(data: bytes) -> bool:
    try:
        etree.fromstring(data)
    except etree.XMLSyntaxError:
        return False
    return True


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_nothing_we_accept_is_refused_by_another(kind: Kind, alg: str) -> None:
    chance, data = random.Random(f"wild {kind.name} {alg}"), genuine(kind, alg)
    true = canonical(_accepted(data, kind, alg))
    seen: Counter[bool] = Counter()
    for _ in range(_ROUNDS):
        changed = data
        for change in chance.choices(_WILD + _SAME, k=chance.randint(1, 2)):
            changed = change(changed, chance) if _is_xml(changed) else changed
        verified = _accepted(changed, kind, alg)
        seen[verified is not None] += 1
        if verified is not None:
            assert canonical(verified) == true, changed
            _check_with_oracles(changed, kind, alg, asked=seen[True])
    assert seen[True]
    assert seen[False]


@pytest.mark.parametrize("wrap", EIGHT.values(), ids=EIGHT)
def test_verdicts_on_wrapped_messages(wrap: Callable[[bytes, Kind], bytes]) -> None:
    """Whatever the others say of a wrapped message (they may be fooled), we refuse it."""
    for kind in KINDS.values():
        assert _accepted(wrap(genuine(kind), kind), kind, "RS256") is None
