"""Changes to make to a signature before it is signed again; see `resigned`."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from idp.signedxml.names import DS
from tests.signedxml.samples import find

Change = Callable[[etree._Element, etree._Element], None]

MORE = "http://www.w3.org/2001/04/xmldsig-more#"
MGF1 = "http://www.w3.org/2007/05/xmldsig-more#"
ENC = "http://www.w3.org/2001/04/xmlenc#"
OLD_C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
BASE64 = f"{DS}base64"


def nothing(element: etree._Element, signature: etree._Element) -> None:
    pass


def add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{DS}}}{name}", attributes)
    child.text = text or None
    return child


def set_attribute(name: str, attribute: str, value: str) -> Change:
    return lambda _element, signature: find(signature, name).set(attribute, value)


def transforms(*algorithms: str) -> Change:
    def change(_element: etree._Element, signature: etree._Element) -> None:
        transforms = find(signature, "Transforms")
        for child in list(transforms):
            transforms.remove(child)
        for algorithm in algorithms:
            add(transforms, "Transform", Algorithm=algorithm)

    return change


def without(name: str) -> Change:
    def change(_element: etree._Element, signature: etree._Element) -> None:
        found = find(signature, name)
        found.getparent().remove(found)

    return change


def extra(parent: str, name: str, text: str = "", **attributes: str) -> Change:
    def change(_element: etree._Element, signature: etree._Element) -> None:
        place = signature if parent == "Signature" else find(signature, parent)
        add(place, name, text, **attributes)

    return change
