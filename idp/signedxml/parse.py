"""Parse XML from strangers: one hardened lxml parse, with every cost bounded beforehand."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from lxml import etree

from idp.core.errors import BadMessage
from idp.signedxml.inflate import MESSAGE_LIMIT

DOCUMENT_LIMIT = 4 * 1024 * 1024
"""How many bytes a metadata document may have by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """What a document may hold; canonicalisation is quadratic in some of these.

    tags counts start and end tags and namespaces counts declarations, both in the whole
    document; depth is in elements; attributes is per element.
    """

    tags: int
    namespaces: int
    depth: int
    attributes: int


_MESSAGE = _Bounds(tags=4_000, namespaces=1_000, depth=32, attributes=32)
_DOCUMENT = _Bounds(tags=100_000, namespaces=4_000, depth=64, attributes=64)
_AGGREGATE = _Bounds(tags=2_000_000, namespaces=100_000, depth=64, attributes=64)

_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[ \t\r\n]")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _parser(*, drop: bool) -> etree.XMLParser:
    # The encoding is fixed so that what the byte checks see is what the parser sees: a
    # declared UTF-7 or EBCDIC could otherwise hide a DOCTYPE from them.
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=drop,
        remove_pis=drop,
    )


MESSAGE_PARSER = _parser(drop=False)
"""The parser for everything that has passed the byte checks once; safe to share by threads."""

# Dropping while parsing joins the text around a comment, so nobody reads half a value.
_DOCUMENT_PARSER = _parser(drop=True)


def parse_message(data: bytes) -> etree._Element:
    """Return the root of a protocol message, which is UTF-8 and at most 256 KiB.

    A DOCTYPE, a comment, a processing instruction and anything beyond the bounds raise
    BadMessage: each has split what one parser verified from what another one read.
    """
    if len(data) > MESSAGE_LIMIT:
        raise _beyond("size")
    if b"<!--" in data:
        raise BadMessage("The message contains a comment, which is not accepted.", detail="comment")
    if data.count(b"<?") > (1 if _DECLARATION.match(data) else 0):
        raise BadMessage(
            "The message contains a processing instruction, which is not accepted.",
            detail="processing instruction",
        )
    return _parse(data, MESSAGE_PARSER, _MESSAGE)


def parse_document(data: bytes, *, limit: int = DOCUMENT_LIMIT) -> etree._Element:
    """Return the root of a metadata document of at most limit bytes, UTF-8 or UTF-16.

    Comments and processing instructions are dropped; the rest is as in parse_message.
    Raises BadMessage.
    """
    if len(data) > limit:
        raise _beyond("size")
    return _parse(_utf8(data), _DOCUMENT_PARSER, _DOCUMENT)


def parse_aggregate(data: bytes, *, limit: int) -> etree._Element:
    """Return the root of a document that describes thousands of entities, as parse_document does.

    It takes about seven times its size in memory, and a verified one seventeen times.
    """
    if len(data) > limit:
        raise _beyond("size")
    return _parse(_utf8(data), _DOCUMENT_PARSER, _AGGREGATE)


def _utf8(data: bytes) -> bytes:
    if not data.startswith(_UTF16_MARKS):
        return data
    try:
        return data.decode("utf-16").encode("utf-8")
    except UnicodeError as error:
        raise _malformed(str(error)) from error


def _parse(data: bytes, parser: etree.XMLParser, bounds: _Bounds) -> etree._Element:
    if b"<!DOCTYPE" in data:
        raise BadMessage("The XML contains a document type, which is not accepted.", detail="DOCTYPE")
    if data.count(b"<") > bounds.tags:
        raise _beyond("tags")
    if data.count(b"xmlns") > bounds.namespaces:
        raise _beyond("namespaces")
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _malformed(str(error)) from error
    _check_shape(root, bounds)
    return root


def _check_shape(root: etree._Element, bounds: _Bounds) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > bounds.depth:
            raise _beyond("depth")
        if any(len(element.attrib) > bounds.attributes for element in level):
            raise _beyond("attributes")
        level = [child for element in level for child in element]


def _malformed(detail: str) -> BadMessage:
    return BadMessage("The XML is not well-formed.", detail=detail[:200])


def _beyond(what: str) -> BadMessage:
    return BadMessage("The XML is too large.", detail=f"{what} over the limit")
