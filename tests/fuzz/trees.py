"""Changes to the structure of an XML document."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping

from lxml import etree

from tests.fuzz.edits import Change

Element = etree._Element
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"
_NAMESPACES = (SAML, SAMLP, MD, DS, XSI, "urn:other", "")
_TAGS = (
    f"{{{SAML}}}Issuer",
    f"{{{SAML}}}NameID",
    f"{{{SAML}}}Subject",
    f"{{{SAML}}}BaseID",
    f"{{{SAML}}}Conditions",
    f"{{{SAML}}}Assertion",
    f"{{{SAML}}}EncryptedID",
    f"{{{SAMLP}}}Extensions",
    f"{{{SAMLP}}}Status",
    f"{{{SAMLP}}}StatusCode",
    f"{{{SAMLP}}}Scoping",
    f"{{{SAMLP}}}NameIDPolicy",
    f"{{{SAMLP}}}SessionIndex",
    f"{{{SAMLP}}}RequestedAuthnContext",
    f"{{{SAMLP}}}AuthnRequest",
    f"{{{SAMLP}}}LogoutRequest",
    f"{{{SAMLP}}}LogoutResponse",
    f"{{{DS}}}Signature",
    f"{{{DS}}}Object",
    f"{{{DS}}}KeyInfo",
    f"{{{MD}}}Extensions",
    f"{{{MD}}}RoleDescriptor",
    f"{{{MD}}}SPSSODescriptor",
    f"{{{MD}}}EntityDescriptor",
    f"{{{MD}}}EntitiesDescriptor",
    "Plain",
    "{urn:other}Other",
)
_ATTRIBUTES = (
    "ID",
    "Id",
    f"{{{XML}}}id",
    f"{{{XML}}}base",
    f"{{{XML}}}space",
    f"{{{XSI}}}type",
    f"{{{XSI}}}nil",
    f"{{{XSI}}}schemaLocation",
    "Version",
    "IssueInstant",
    "Destination",
    "Consent",
    "ForceAuthn",
    "IsPassive",
    "ProtocolBinding",
    "AssertionConsumerServiceURL",
    "AssertionConsumerServiceIndex",
    "AttributeConsumingServiceIndex",
    "ProviderName",
    "Format",
    "SPNameQualifier",
    "AllowCreate",
    "Comparison",
    "NotOnOrAfter",
    "InResponseTo",
    "Reason",
    "Value",
    "Algorithm",
    "URI",
    "PrefixList",
    "Location",
    "ResponseLocation",
    "Binding",
    "index",
    "isDefault",
    "entityID",
    "validUntil",
    "cacheDuration",
    "use",
    "AuthnRequestsSigned",
    "protocolSupportEnumeration",
)
# What XML can hold; the rest is tried by changing bytes.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def fit(text: str) -> str:
    """Return what of the text may stand in XML."""
    return _UNFIT.sub("", text)


def _picked(root: Element, place: int) -> Element:
    elements = list(root.iter(etree.Element))
    return elements[place % len(elements)]


def _other(root: Element, place: int) -> Element:
    return _picked(root, place // 97)


def _child(element: Element, place: int) -> Element:
    return etree.SubElement(element, _TAGS[place // 7 % len(_TAGS)])


def _wrap(element: Element, place: int, text: str) -> None:
    parent = element.getparent()
    if parent is not None:
        wrapper = etree.Element(_TAGS[place // 7 % len(_TAGS)])
        parent.replace(element, wrapper)
        wrapper.append(element)


def _remove(element: Element, place: int, text: str) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _again(element: Element, place: int, text: str) -> None:
    element.addnext(copy.deepcopy(element)) if element.getparent() is not None else None


def _attribute(element: Element, place: int, text: str) -> None:
    element.set(_ATTRIBUTES[place // 7 % len(_ATTRIBUTES)], fit(text))


def _revalue(element: Element, place: int, text: str) -> None:
    if element.attrib:
        element.set(sorted(element.attrib)[place // 7 % len(element.attrib)], fit(text))


def _without_attribute(element: Element, place: int, text: str) -> None:
    if element.attrib:
        del element.attrib[sorted(element.attrib)[place // 7 % len(element.attrib)]]


def _text(element: Element, place: int, text: str) -> None:
    element.text = fit(text)


def _more_text(element: Element, place: int, text: str) -> None:
    element.text = (element.text or "") + fit(text)


def _tail(element: Element, place: int, text: str) -> None:
    if element.getparent() is not None:
        element.tail = fit(text)


def _retag(element: Element, place: int, text: str) -> None:
    element.tag = _TAGS[place // 7 % len(_TAGS)]


def _renamespace(element: Element, place: int, text: str) -> None:
    namespace = _NAMESPACES[place // 7 % len(_NAMESPACES)]
    local = etree.QName(element).localname
    element.tag = f"{{{namespace}}}{local}" if namespace else local


def _add(element: Element, place: int, text: str) -> None:
    _child(element, place).text = fit(text)


def _first(element: Element, place: int, text: str) -> None:
    child = _child(element, place)
    child.text = fit(text)
    element.insert(0, child)


def _comment(element: Element, place: int, text: str) -> None:
    element.insert(0, etree.Comment("x"))


def _instruction(element: Element, place: int, text: str) -> None:
    element.insert(0, etree.ProcessingInstruction("x", "y"))


def _deep(element: Element, place: int, text: str) -> None:
    for _ in range(2 + place // 7 % 300):
        element = etree.SubElement(element, element.tag)


def _wide(element: Element, place: int, text: str) -> None:
    for _ in range(2 + place // 7 % 3000):
        etree.SubElement(element, element.tag)


def _many_attributes(element: Element, place: int, text: str) -> None:
    for number in range(2 + place // 7 % 2000):
        element.set(f"a{number}", "1")


def _many_namespaces(element: Element, place: int, text: str) -> None:
    for number in range(2 + place // 7 % 500):
        etree.SubElement(element, f"{{urn:n{number}}}x", nsmap={f"p{number}": f"urn:n{number}"})


def _cleared(element: Element, place: int, text: str) -> None:
    element.clear(keep_tail=True)


def _at(change: Callable[[Element, int, str], None]) -> Change[Element]:
    def changed(root: Element, place: int, text: str) -> Element:
        new = copy.deepcopy(root)
        change(_picked(new, place), place, text)
        return new

    return changed


def _move(root: Element, place: int, text: str) -> Element:
    new = copy.deepcopy(root)
    element, target = _picked(new, place), _other(new, place)
    if element is not new and target not in element.iter():
        target.append(element)
    return new


def _copy(root: Element, place: int, text: str) -> Element:
    new = copy.deepcopy(root)
    _other(new, place).append(copy.deepcopy(_picked(new, place)))
    return new


def _enveloped(root: Element, place: int, text: str) -> Element:
    outer = etree.Element(_TAGS[place % len(_TAGS)])
    outer.append(copy.deepcopy(root))
    return outer


TREES: Mapping[str, Change[Element]] = {
    "add": _at(_add),
    "again": _at(_again),
    "attribute": _at(_attribute),
    "clear": _at(_cleared),
    "comment": _at(_comment),
    "copy": _copy,
    "deep": _at(_deep),
    "first": _at(_first),
    "instruction": _at(_instruction),
    "inside": _enveloped,
    "many-attributes": _at(_many_attributes),
    "many-namespaces": _at(_many_namespaces),
    "more-text": _at(_more_text),
    "move": _move,
    "remove": _at(_remove),
    "renamespace": _at(_renamespace),
    "retag": _at(_retag),
    "revalue": _at(_revalue),
    "tail": _at(_tail),
    "text": _at(_text),
    "wide": _at(_wide),
    "without-attribute": _at(_without_attribute),
    "wrap": _at(_wrap),
}
