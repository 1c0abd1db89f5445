"""Attacks on signatures: wrapped, stripped, of another algorithm, or over something else."""

from __future__ import annotations

import base64
import re
import zlib
from typing import Final
from urllib.parse import quote, unquote_plus

from lxml import etree

from tests.saml.corpus.attack import ISSUER, Attack, Octets, Text, changed_in, put, without
from tests.saml.sp import DS, SAMLP
from tests.signedxml.samples import Kind
from tests.signedxml.wrapping import EIGHT

KIND: Final = Kind("request", "", f"{{{SAMLP}}}AuthnRequest")
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"


# Signatures -------------------------------------------------------------------------------------
def _wrapped(name: str) -> Octets:
    return lambda data: EIGHT[name](data, KIND)


def _sig_alg(uri: str) -> Text:
    return lambda raw: re.sub("SigAlg=[^&]*", f"SigAlg={quote(uri, safe='')}", raw)


def _attribute(element: str, name: str, value: str) -> Octets:
    def change(data: bytes) -> bytes:
        root = etree.fromstring(data)
        found = next(root.iter(f"{{{DS}}}{element}"))
        found.set(name, value)
        return etree.tostring(root)

    return change


def _extra(parent: str, child: str) -> Octets:
    def change(data: bytes) -> bytes:
        root = etree.fromstring(data)
        etree.SubElement(next(root.iter(f"{{{DS}}}{parent}")), f"{{{DS}}}{child}")
        return etree.tostring(root)

    return change


def _twice(element: str) -> Octets:
    def change(data: bytes) -> bytes:
        root = etree.fromstring(data)
        found = next(root.iter(f"{{{DS}}}{element}"))
        found.addnext(etree.fromstring(etree.tostring(found, with_tail=False)))
        return etree.tostring(root)

    return change


_ALGORITHMS: Final = (
    f"{_MORE}rsa-md5",
    f"{DS}hmac-sha1",
    f"{_MORE}hmac-sha256",
    f"{DS}dsa-sha1",
    f"{_MORE}rsa-sha224",
    f"{_MORE}RSA-SHA256",
    f"{_MORE}ecdsa-sha256",
    "none",
    "",
)
_TRANSFORMS: Final = {
    "an xslt transform": "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "an xpath transform": "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "a base64 transform": f"{DS}base64",
}
_REFERENCES: Final = {
    "a reference to all": "",
    "a reference elsewhere": "#_other",
    "a reference outside": "https://evil.example/x",
    "a reference by pointer": "#xpointer(/)",
}


def signatures() -> list[Attack]:
    """Return attacks on the signature itself."""
    return [
        *(Attack(f"wrapped: {name}", data=_wrapped(name)) for name in EIGHT),
        Attack("a stranger's key, query", key_of="stranger"),
        Attack("a stranger's key, form", key_of="stranger", posted=True),
        *(Attack(f"query algorithm {uri}", raw=_sig_alg(uri)) for uri in _ALGORITHMS),
        *(
            Attack(f"form algorithm {uri}", data=_attribute("SignatureMethod", "Algorithm", uri))
            for uri in _ALGORITHMS
        ),
        *_missing(),
        *(Attack(name, data=_attribute("Reference", "URI", uri)) for name, uri in _REFERENCES.items()),
        *(Attack(name, data=_attribute("Transform", "Algorithm", uri)) for name, uri in _TRANSFORMS.items()),
        Attack(
            "another canonicalisation", data=_attribute("CanonicalizationMethod", "Algorithm", "urn:none")
        ),
        Attack("a weak digest", data=_attribute("DigestMethod", "Algorithm", f"{DS}sha1")),
        Attack("an object in the signature", data=_extra("Signature", "Object")),
        Attack("a manifest in the signed info", data=_extra("SignedInfo", "Manifest")),
        Attack("two references", data=_twice("Reference")),
        Attack("two signed infos", data=_twice("SignedInfo")),
        Attack("two signatures", data=_twice("Signature")),
        Attack("two signature values", data=_twice("SignatureValue")),
    ]


def _missing() -> list[Attack]:
    unsigned = without("<ds:Signature .*</ds:Signature>")
    valueless = without("(?<=<ds:SignatureValue>).*(?=</ds:SignatureValue>)")
    return [
        Attack("no signature, query", raw=without("&SigAlg=.*")),
        Attack("no signature value, query", raw=without("&Signature=.*")),
        Attack("no algorithm, query", raw=without("&SigAlg=[^&]*")),
        Attack("an empty signature, query", raw=lambda raw: re.sub("&Signature=.*", "&Signature=", raw)),
        Attack("half a signature, query", raw=lambda raw: raw[:-120] + "%3D%3D"),
        Attack("no signature, form", data=lambda data: unsigned(data.decode()).encode()),
        Attack("an empty signature, form", data=lambda data: valueless(data.decode()).encode()),
    ]


# What was signed, changed after -------------------------------------------------------------------
_CHANGED: Final = {
    "issuer": (ISSUER, "https://other.example/metadata"),
    "destination": ('Destination="https://id.example', 'Destination="https://evil.example'),
    "version": ('Version="2.0"', 'Version="2.1"'),
    "id": ('ID="_', 'ID="_x'),
    "force": ('Version="2.0"', 'Version="2.0" ForceAuthn="true"'),
    "acs": ('Version="2.0"', 'Version="2.0" AssertionConsumerServiceURL="https://sp.example/acs"'),
    "text": ("</saml:Issuer>", "</saml:Issuer> "),
    "policy": ("</samlp:AuthnRequest>", "<samlp:NameIDPolicy/></samlp:AuthnRequest>"),
}


def after_signing() -> list[Attack]:
    """Return what was truly signed and changed on its way."""

    def reflated(old: str, new: str) -> Text:
        def change(raw: str) -> str:
            value = re.search("SAMLRequest=([^&]*)", raw)
            if value is None:
                raise ValueError(raw)
            xml = zlib.decompress(base64.b64decode(unquote_plus(value[1])), -15).decode()
            again = base64.b64encode(zlib.compress(put(old, new)(xml).encode())[2:-4]).decode()
            return raw.replace(value[1], quote(again, safe=""))

        return change

    return [
        *(
            Attack(f"changed after signing, form: {name}", data=changed_in(*pair))
            for name, pair in _CHANGED.items()
        ),
        *(
            Attack(f"changed after signing, query: {name}", raw=reflated(*pair))
            for name, pair in _CHANGED.items()
        ),
        Attack("relay state changed, query", raw=put("RelayState=%2Fdeep", "RelayState=%2Fevil")),
        Attack("relay state taken away, query", raw=put("&RelayState=%2Fdeep", "")),
    ]
