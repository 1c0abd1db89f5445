"""The SOAP binding's envelope (bindings 3.2): one message in, one message out."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from idp import signedxml
from idp.core.errors import BadMessage
from idp.saml.gate import malformed

MEDIA_TYPE: Final = "text/xml"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_ENVELOPE, _HEADER, _BODY = (f"{{{_SOAP}}}{name}" for name in ("Envelope", "Header", "Body"))
_MUST_UNDERSTAND = f"{{{_SOAP}}}mustUnderstand"


def opened(data: bytes) -> etree._Element:
    """Return the message in an envelope as a document of its own, so that nothing around it counts.

    Raises BadMessage.
    """
    envelope = signedxml.parse_message(data)
    parts = [part.tag for part in envelope]
    if envelope.tag != _ENVELOPE or parts not in ([_BODY], [_HEADER, _BODY]):
        raise malformed("no SOAP 1.1 envelope")
    if any(entry.get(_MUST_UNDERSTAND) in ("1", "true") for entry in envelope[0] if parts[0] == _HEADER):
        raise malformed("a SOAP header that must be understood")
    if len(envelope[-1]) != 1:
        raise malformed("not one message in the SOAP body")
    return signedxml.parse_message(etree.tostring(envelope[-1][0], with_tail=False, encoding="UTF-8"))


def enveloped(message: etree._Element) -> bytes:
    """Return a signed message in an envelope."""
    # As text: a signed element that moves to another tree may have its prefixes renamed.
    return _around(etree.tostring(message))


def fault(error: BadMessage) -> bytes:
    """Return what is said about a message that can't be answered in its protocol (SOAP 1.1 4.4)."""
    text = escape(f"{error.public} (Reference {error.reference})")
    said = f"<S:Fault><faultcode>S:Client</faultcode><faultstring>{text}</faultstring></S:Fault>"
    return _around(said.encode())


def _around(body: bytes) -> bytes:
    return b'<S:Envelope xmlns:S="%s"><S:Body>%s</S:Body></S:Envelope>' % (_SOAP.encode(), body)
