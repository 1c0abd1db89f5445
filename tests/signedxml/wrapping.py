"""The eight ways to wrap a signed element: the signature stays true, another element is read.

Each takes a genuine signed document and returns one in which something else stands in the
place that is read. Where the forgery is made of valid parts, a careless verifier accepts it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from lxml import etree

from idp.signedxml.names import DS, SAML, SAMLP, SIGNATURE
from tests.signedxml.samples import ID, NS, Kind, target

Wrap = Callable[[bytes, Kind], bytes]
EVIL = "https://evil.example/"


def _take_apart(data: bytes, kind: Kind) -> tuple[etree._Element, etree._Element, etree._Element]:
    """Return (evil, original, signature): evil and original without one, original with its ID."""
    root = etree.fromstring(data)
    original = copy.deepcopy(target(root, kind))
    signature = original.find(SIGNATURE)
    evil = copy.deepcopy(original)
    evil.remove(evil.find(SIGNATURE))
    evil.set("ID", "_evil")
    for element in evil.iter(f"{{{SAML}}}Issuer", f"{{{SAML}}}NameID"):
        element.text = EVIL
    original.remove(signature)
    return evil, original, signature


def _put(
    data: bytes, kind: Kind, evil: etree._Element, *others: etree._Element, first: bool = False
) -> bytes:
    """Return the document with evil in the place that is read, and others beside it."""
    root = etree.fromstring(data)
    if root.tag == kind.tag:
        return etree.tostring(evil)
    place = target(root, kind)
    for other in others:
        place.addprevious(other) if first else place.addnext(other)
    root.replace(place, evil)
    return etree.tostring(root)


def _under(parent: etree._Element, tag: str, *children: etree._Element) -> etree._Element:
    element = etree.SubElement(parent, tag)
    element.extend(children)
    return element


def original_inside_signature(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    signature.append(original)
    evil.insert(1, signature)
    return _put(data, kind, evil)


def original_beside_signature(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    evil.insert(1, signature)
    evil.append(original)
    return _put(data, kind, evil)


def signed_original_last(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    original.insert(1, signature)
    evil.append(original)
    return _put(data, kind, evil)


def signed_original_first(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    original.insert(1, signature)
    evil.insert(0, original)
    return _put(data, kind, evil)


def original_in_extensions(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    evil.insert(1, signature)
    _under(evil, f"{{{SAMLP}}}Extensions", original)
    return _put(data, kind, evil)


def original_in_object(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    _under(signature, f"{{{DS}}}Object", original)
    evil.insert(1, signature)
    return _put(data, kind, evil)


def original_in_key_info(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    signature.find("ds:KeyInfo", NS).append(original)
    evil.insert(1, signature)
    return _put(data, kind, evil)


def both_with_the_same_id(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    evil.set("ID", ID)
    evil.insert(1, signature)
    evil.append(original)
    return _put(data, kind, evil)


EIGHT: dict[str, Wrap] = {
    wrap.__name__: wrap
    for wrap in (
        original_inside_signature,
        original_beside_signature,
        signed_original_last,
        signed_original_first,
        original_in_extensions,
        original_in_object,
        original_in_key_info,
        both_with_the_same_id,
    )
}


# Only where the signed element is a child: an Assertion among other things in a Response.


def evil_before_original(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    original.insert(1, signature)
    return _put(data, kind, evil, original)


def evil_after_original(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    original.insert(1, signature)
    return _put(data, kind, evil, original, first=True)


def signed_evil_before_original(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    evil.insert(1, signature)
    return _put(data, kind, evil, original)


def original_in_advice(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    evil.insert(1, signature)
    _under(evil, f"{{{SAML}}}Advice", original)
    return _put(data, kind, evil)


def original_in_outer_extensions(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    evil.insert(1, signature)
    extensions = etree.Element(f"{{{SAMLP}}}Extensions", nsmap={"samlp": SAMLP})
    extensions.append(original)
    return _put(data, kind, evil, extensions, first=True)


def signed_original_in_outer_extensions(data: bytes, kind: Kind) -> bytes:
    evil, original, signature = _take_apart(data, kind)
    original.insert(1, signature)
    extensions = etree.Element(f"{{{SAMLP}}}Extensions", nsmap={"samlp": SAMLP})
    extensions.append(original)
    return _put(data, kind, evil, extensions, first=True)


AMONG_OTHERS: dict[str, Wrap] = {
    wrap.__name__: wrap
    for wrap in (
        evil_before_original,
        evil_after_original,
        signed_evil_before_original,
        original_in_advice,
        original_in_outer_extensions,
        signed_original_in_outer_extensions,
    )
}
