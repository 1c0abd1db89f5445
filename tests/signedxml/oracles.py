"""Two independent verifiers, for comparison only: the xmlsec1 program and python-xmlsec."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from lxml import etree

from idp.signedxml.names import SIGNATURE
from tests.peers import missing, require
from tests.signedxml.samples import Kind, target

try:
    import xmlsec
except ImportError:
    xmlsec = None


def xmlsec1_accepts(data: bytes, kind: Kind, certificate: str) -> bool:
    """Ask the xmlsec1 program, which is given the key and told to use no other."""
    program = require("xmlsec1")
    root = etree.fromstring(data)
    element = target(root, kind)
    with TemporaryDirectory() as folder:
        message, key = Path(folder) / "message.xml", Path(folder) / "key.pem"
        message.write_bytes(data)
        key.write_text(certificate)
        command = [
            *(str(program), "--verify", "--enabled-key-data", "raw-x509-cert"),
            *("--pubkey-cert-pem", str(key), "--node-id", element.get("ID", "")),
            *("--id-attr:ID", kind.tag.strip("{").replace("}", ":"), str(message)),
        ]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def python_xmlsec_accepts(data: bytes, kind: Kind, certificate: str) -> bool:
    """Ask python-xmlsec, with the one ID registered that may be referred to."""
    if xmlsec is None:
        missing("python-xmlsec does not work here (PyPI package xmlsec)")
    element = target(etree.fromstring(data), kind)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(certificate, xmlsec.KeyFormat.CERT_PEM)
    context.register_id(element, "ID")
    try:
        context.verify(element.find(SIGNATURE))
    except xmlsec.Error:
        return False
    return True


ORACLES = {"xmlsec1": xmlsec1_accepts, "python-xmlsec": python_xmlsec_accepts}
