"""Documents that are small to send and dear to read; run as a program it measures what they cost.

A fresh process, because only there does the peak of memory say what these documents need.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
import zlib
from collections.abc import Callable
from time import process_time

from idp.core.errors import BadMessage
from idp.signedxml import (
    decode_post,
    decode_redirect,
    parse_document,
    parse_message,
    read_query,
    validate,
    verify,
)
from idp.signedxml.names import SAMLP
from tests.signedxml.keys import certificate, rsa_key
from tests.signedxml.samples import REQUEST, authn_request, genuine, metadata

MIB = 1024 * 1024


def deflated(size: int) -> str:
    """Return base64 of DEFLATE of that many zeros."""
    deflater = zlib.compressobj(9, wbits=-15)
    chunk = bytes(MIB)
    data = b"".join(deflater.compress(chunk) for _ in range(size // MIB)) + deflater.flush()
    return base64.b64encode(data).decode()


def _in(message: str, inner: str, *, attributes: str = "") -> bytes:
    """Return the message with Extensions that hold inner, and more attributes on its root."""
    name = "samlp" if SAMLP in message.partition(">")[0] else "md"
    head, _, rest = message.partition(">")
    return f"{head} {attributes}><{name}:Extensions>{inner}</{name}:Extensions>{rest}".encode()


def _entities() -> bytes:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE x [<!ENTITY e0 "ha">{levels}]><x>&e11;</x>'.encode()


def xml_bombs(message: str, size: int) -> dict[str, bytes]:
    """Return hostile variants of a message, each of about size bytes or below."""
    many = range(size // 16)
    return {
        "depth": _in(message, "<a>" * (size // 7) + "</a>" * (size // 7)),
        "depth within the parser's own limit": _in(message, "<a>" * 200 + "</a>" * 200),
        "elements": _in(message, "<a/>" * (size // 5)),
        "attributes": _in(message, "", attributes=" ".join(f'a{n}=""' for n in many)),
        "namespaces": _in(message, "", attributes=" ".join(f'xmlns:n{n}="u"' for n in many)),
        "nested namespaces": _in(message, "".join(f'<a xmlns:n{n}="u">' for n in many[: len(many) // 2])),
        "entities": _entities(),
        "entities in a megabyte": _entities() + b" " * size,
    }


def huge(message: str, size: int) -> bytes:
    """Return the message with a text of that size."""
    return _in(message, "<a>" + "x" * size + "</a>")


def _cost(call: Callable[[], object]) -> dict[str, object]:
    memory, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, process_time()
    try:
        call()
    except BadMessage:
        refused = True
    else:
        refused = False
    seconds = process_time() - begin
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    return {"refused": refused, "seconds": seconds, "kibibytes": growth}


def _dearest() -> bytes:
    """Return a signed message just inside every bound."""
    declared = " ".join(f'xmlns:n{n}="urn:{n}"' for n in range(900))
    inner = "".join(f'<n{n}:a n{n}:b="" n{n}:c=""/>' for n in range(900))
    signed = genuine().decode()
    return _in(signed, inner * 2, attributes=declared)


def _calls() -> dict[str, Callable[[], object]]:
    bomb, long = deflated(100 * MIB), "A" * (8 * MIB)
    texts = [huge(message, 8 * MIB) for message in (authn_request(), metadata())]
    parts = "a=&" * 2_000_000
    dearest, certificates = _dearest(), [certificate(rsa_key())]
    calls: dict[str, Callable[[], object]] = {
        "redirect, 100 MiB": lambda: decode_redirect(bomb),
        "redirect, a megabyte of it": lambda: decode_redirect(bomb * 8),
        "redirect, 8 MiB of base64": lambda: decode_redirect(long),
        "post, 8 MiB of base64": lambda: decode_post(long),
        # Deflated in a POST is just not XML: it is never inflated.
        "post, 100 MiB deflated": lambda: parse_message(decode_post(bomb)),
        "query of 8 MiB": lambda: read_query(f"SAMLRequest={long}", message="SAMLRequest"),
        "query of two million parts": lambda: read_query(parts, message="SAMLRequest"),
        "message, 8 MiB of text": lambda: parse_message(texts[0]),
        "metadata, 8 MiB of text": lambda: parse_document(texts[1]),
        "message, inside every bound, schema": lambda: validate(parse_message(dearest)),
        "message, inside every bound, signature": lambda: verify(
            parse_message(dearest), tag=REQUEST.tag, certificates=certificates
        ),
    }
    for name, data in xml_bombs(authn_request(), 250_000).items():
        calls[f"message, {name}"] = lambda data=data: parse_message(data)
    for name, data in xml_bombs(metadata(), 3_500_000).items():
        calls[f"metadata, {name}"] = lambda data=data: parse_document(data)
    return calls


def main() -> None:
    """Print the cost of every bomb as JSON."""
    calls = _calls()
    validate(parse_message(authn_request().encode()))
    sys.stdout.write(json.dumps({name: _cost(call) for name, call in calls.items()}))


if __name__ == "__main__":
    main()
