"""Encryption: other libraries read what we write, and what they read is what was signed."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from idp import signedxml
from idp.signedxml import Recipient, encrypt
from idp.signedxml.encrypt import CBC, GCM, MASKS, RSA_OAEP, SHA1, XENC
from idp.signedxml.names import ASSERTION, SAML, SAMLP
from tests.peers import missing, require
from tests.saml.decrypting import decrypted
from tests.signedxml.keys import certificate, ec_key, rsa_key, signer
from tests.signedxml.samples import NS, canonical, response

try:
    import xmlsec
except ImportError:
    xmlsec = None

WRAPPER = f"{{{SAML}}}EncryptedAssertion"
SHA256, SHA512 = f"{XENC}sha256", f"{XENC}sha512"
SIMPLE = [Recipient(certificate="", content=content) for content in (*GCM, *CBC)]
RICH = [
    *(Recipient(certificate="", digest=digest) for digest in (SHA256, SHA512)),
    *(
        Recipient(certificate="", transport=RSA_OAEP, digest=digest, mask=mask)
        for digest in (SHA1, SHA256)
        for mask in MASKS
    ),
]


def shown(to: Recipient) -> str:
    uris = [to.content, to.transport, to.digest, to.mask]
    return " ".join(uri.rpartition("#")[2] for uri in uris)


def for_us(to: Recipient) -> Recipient:
    return Recipient(
        certificate=certificate(rsa_key()),
        content=to.content,
        transport=to.transport,
        digest=to.digest,
        mask=to.mask,
    )


@cache
def key_pem() -> bytes:
    return rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def encrypted(to: Recipient | None = None) -> etree._Element:
    """Return a Response whose assertion was signed, then encrypted, then all of it signed."""
    root = etree.fromstring(response())
    assertion = root.find(ASSERTION)
    assert assertion is not None
    issuer = f"{{{SAML}}}Issuer"
    signedxml.sign(assertion, signer=signer(rsa_key()), alg="RS256", after_tag=issuer)
    encrypt(assertion, wrapper=WRAPPER, to=for_us(to or Recipient(certificate="")))
    signedxml.sign(root, signer=signer(rsa_key()), alg="RS256", after_tag=issuer)
    return etree.fromstring(etree.tostring(root))


def wrapped(root: etree._Element) -> etree._Element:
    found = root.find(WRAPPER)
    assert found is not None
    return found


def is_sound(assertion: etree._Element) -> bool:
    """Say whether what was decrypted is the signed assertion."""
    read = signedxml.verify(assertion, tag=ASSERTION, certificates=[certificate(rsa_key())])
    return read.findtext("saml:Subject/saml:NameID", namespaces=NS) == "alice"


@pytest.mark.parametrize("to", [*SIMPLE, *RICH], ids=shown)
def test_the_schema_holds_and_the_outer_signature_too(to: Recipient) -> None:
    root = encrypted(to)
    signedxml.validate(root)
    assert b"alice" not in etree.tostring(root)
    certificates = [certificate(rsa_key())]
    assert signedxml.verify(root, tag=f"{{{SAMLP}}}Response", certificates=certificates) is not None


@pytest.mark.parametrize("to", SIMPLE, ids=shown)
def test_the_xmlsec1_program_reads_it(to: Recipient, tmp_path: Path) -> None:
    program = require("xmlsec1")
    (tmp_path / "message.xml").write_bytes(etree.tostring(encrypted(to)))
    (tmp_path / "key.pem").write_bytes(key_pem())
    command = [str(program), "--decrypt", "--privkey-pem", "key.pem", "message.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    inner = wrapped(etree.fromstring(done.stdout))[0]
    assert is_sound(etree.fromstring(etree.tostring(inner)))


@pytest.mark.parametrize("to", [*SIMPLE, *RICH], ids=shown)
def test_python_xmlsec_reads_it(to: Recipient) -> None:
    if xmlsec is None:
        missing("python-xmlsec does not work here (PyPI package xmlsec)")
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(key_pem(), xmlsec.KeyFormat.PEM))
    inner = xmlsec.EncryptionContext(manager).decrypt(wrapped(encrypted(to))[0])
    assert is_sound(etree.fromstring(etree.tostring(inner)))


@pytest.mark.parametrize("to", [one for one in (*SIMPLE, *RICH) if one.content in GCM], ids=shown)
def test_by_the_algorithms_it_names_it_is_read(to: Recipient) -> None:
    assert is_sound(decrypted(wrapped(encrypted(to)), rsa_key()))


def test_every_message_has_a_key_of_its_own() -> None:
    values = {value.text for _ in range(3) for value in encrypted().iter(f"{{{XENC}}}CipherValue")}
    assert len(values) == 6


def test_an_elliptic_key_is_no_recipient() -> None:
    root = etree.fromstring(response())
    with pytest.raises(ValueError, match="RSA"):
        encrypt(root[2], wrapper=WRAPPER, to=Recipient(certificate=certificate(ec_key())))


def test_what_was_decrypted_is_what_was_signed_octet_for_octet() -> None:
    root = etree.fromstring(response())
    assertion = root.find(ASSERTION)
    assert assertion is not None
    before = canonical(assertion)
    encrypt(assertion, wrapper=WRAPPER, to=for_us(Recipient(certificate="")))
    assert canonical(decrypted(wrapped(root), rsa_key())) == before
