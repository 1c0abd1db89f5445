"""Validate SAML messages and metadata against the OASIS schemas, offline."""

from __future__ import annotations

import copy
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lxml import etree

from idp.core.errors import BadMessage
from idp.signedxml.names import MD, SAML, SAMLP

_ROOTS = {
    SAMLP: "saml-schema-protocol-2.0.xsd",
    SAML: "saml-schema-assertion-2.0.xsd",
    MD: "saml-schema-metadata-2.0.xsd",
    # Inside EncryptionMethod, where the older schema it belongs to demands to know it.
    "http://www.w3.org/2009/xmlenc11#": "xenc-schema-11.xsd",
}
_ROLE = f"{{{MD}}}RoleDescriptor"

# lxml keeps the error log in the schema object, so two threads must not share a validation.
_LOCK = threading.Lock()


def validate(root: etree._Element) -> None:
    """Check a message or metadata document as it came by the wire. Raises BadMessage.

    Hints in the document (xsi:schemaLocation) are never followed. Structure that the schema
    forbids is where signature wrapping hides its copies (CVE-2021-21238).
    """
    subject = _known_roles_only(root)
    with _LOCK:
        schema = _schema()
        if schema.validate(subject):
            return
        problem = str(schema.error_log).partition("\n")[0]
    raise BadMessage("The XML is not valid SAML.", detail=problem[:300])


def _known_roles_only(root: etree._Element) -> etree._Element:
    """Return the root, or a copy of it without roles of types outside SAML.

    AD FS and Entra publish WS-Federation roles as md:RoleDescriptor with an xsi:type that no
    SAML schema knows; nobody here reads them, and they must not make the rest invalid.
    """
    if not root.tag.startswith(f"{{{MD}}}") or root.find(f".//{_ROLE}") is None:
        return root
    subject = copy.deepcopy(root)
    etree.strip_elements(subject, _ROLE, with_tail=False)
    return subject


@cache
def _schema() -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Shipped())
    imports = "".join(
        f'<import namespace="{namespace}" schemaLocation="{name}"/>' for namespace, name in _ROOTS.items()
    )
    everything = f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>'
    return etree.XMLSchema(etree.fromstring(everything, parser))


class _Shipped(etree.Resolver):
    """Answers every schema address with the file of that name that pysaml2 ships."""

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]  # the stubs lack context
        file = _folder() / system_url.rsplit("/", 1)[-1]
        return self.resolve_filename(str(file), context)  # type: ignore[attr-defined]  # and this method


@cache
def _folder() -> Path:
    # pysaml2 is not imported: only its data is wanted, and only the saml room may import it.
    spec = find_spec("saml2")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("pysaml2, whose schema files are needed, is not installed")
    return Path(spec.submodule_search_locations[0]) / "data" / "schemas"
