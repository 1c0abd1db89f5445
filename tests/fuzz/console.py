"""The console's doors: metadata that an owner uploads, and the forms that save it and decide."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import strategies as st
from lxml import etree

from idp.core.errors import BadMessage
from idp.signedxml import parse_document, sign
from idp.signedxml.names import SIGNATURE
from tests.fuzz import readers
from tests.fuzz.door import OUR_PAGE, OUTSIDE, Door, form, of
from tests.fuzz.edits import BYTES, PAIRS, apply, edits
from tests.fuzz.knowledge import Knowledge
from tests.fuzz.upload import NEW, multipart, uploading
from tests.fuzz.wire import Sent, changed
from tests.saml.sp import Sp

_SIGNINGS = ("not", "not", "signed", "signed, then changed")


def _upload() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        document, signing, name, chosen = drawn
        signer = known.senders["plain"]
        data = readers.metadata_document((document, chosen), known.senders)
        pin = b""
        if signing != "not":
            data, pin = _signed(data, signer), _pin(signer)
        if signing == "signed, then changed":
            data = apply(BYTES, data, chosen, "afterwards")
        pin = apply(BYTES, pin, chosen, "pin")
        body = multipart(data, name=apply(BYTES, name, chosen, "name"), fingerprint=pin)
        return changed(uploading(body, known("console")["cookies"]), chosen)

    layers = {**readers.METADATA, **OUTSIDE, "afterwards": BYTES, "pin": BYTES, "name": BYTES}
    drawn = (st.sampled_from(("plain", "strict", "curve", "bare")), st.sampled_from(_SIGNINGS))
    names = st.sampled_from((b"sp.xml", b"", b"../../sp.xml"))
    return Door(drawn=of(*drawn, names, edits(layers, most=4, mostly="tree")), made=made, followed=True)


def _signed(data: bytes, signer: Sp) -> bytes:
    """Return the document signed by its publisher, as far as it is one."""
    try:
        root = parse_document(data)
    except BadMessage:
        return data
    if root.find(SIGNATURE) is not None:
        return data
    root.set("ID", "_signed")
    with suppress(etree.C14NError):  # what has no canonical form can't be signed by anybody
        sign(root, signer=signer.signer, alg="RS256")
    return etree.tostring(root, encoding="UTF-8")


def _pin(signer: Sp) -> bytes:
    return hashlib.sha256(signer.certificate.public_bytes(Encoding.DER)).hexdigest().encode()


_FORMS: Mapping[str, Mapping[str, str]] = {
    "draft": {"name": "Plain", "release": "uid, mail, urn:oid:1.2.3", "mode": "hold"},
    "choice": {"entity": "https://plain.example/metadata"},
    "application": {"action": "approve", "seen": "0" * 64},
    "switch": {"action": "enable", "seen": ""},
    "address": {"address": "https://127.0.0.1/metadata", "fingerprint": "AB:" * 31 + "CD"},
}


def _forms() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        what, post, chosen = drawn
        about = known("draft")
        path = about["draft"] if what in {"draft", "choice"} else about["application"]
        path = NEW if what == "address" else path
        path = "/" + apply(BYTES, path.encode(), chosen, "address").decode("utf-8", "replace").lstrip("/")
        fields = _FORMS[what] if post else {"q": "plain", "said": "applied"}
        headers = OUR_PAGE if post else {}
        return form(path, fields, chosen, cookies=about["cookies"], post=post, **headers)

    drawn = (st.sampled_from(sorted(_FORMS)), st.sampled_from((True, True, False)))
    layers = {"pairs": PAIRS, "address": BYTES, **OUTSIDE}
    return Door(drawn=of(*drawn, edits(layers, mostly="pairs")), made=made, followed=True)


DOORS: Mapping[str, Door] = {"console-upload": _upload(), "console-forms": _forms()}
