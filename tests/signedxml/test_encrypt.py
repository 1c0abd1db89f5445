"""Encryption: other libraries read ours, ours reads what was meant for us, and nothing else."""

from __future__ import annotations

import base64
import subprocess
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from idp import signedxml
from idp.core.errors import BadMessage
from idp.signedxml import Recipient, decrypt, encrypt
from idp.signedxml.encrypt import AES_256_CBC, AES_256_GCM, CBC, GCM, MASKS, RSA_OAEP, SHA1, XENC, XENC11
from idp.signedxml.names import ASSERTION, DS, SAML, SAMLP
from tests.peers import missing, require
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


def unwrap(value: bytes, scheme: padding.OAEP) -> bytes:
    return rsa_key().decrypt(value, scheme)


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
def test_what_is_meant_for_us_is_read(to: Recipient) -> None:
    assert is_sound(decrypt(wrapped(encrypted(to)), tag=ASSERTION, keys=[unwrap]))


def test_of_several_keys_the_right_one_is_found() -> None:
    def another(value: bytes, scheme: padding.OAEP) -> bytes:
        return rsa_key("another").decrypt(value, scheme)

    data = wrapped(encrypted())
    assert is_sound(decrypt(data, tag=ASSERTION, keys=[another, unwrap]))
    for keys in ([], [another]):
        with pytest.raises(BadMessage):
            decrypt(data, tag=ASSERTION, keys=keys)


def test_a_key_beside_the_data_is_read_too() -> None:
    data = wrapped(encrypted())
    key = data.find(f".//{{{XENC}}}EncryptedKey")
    assert key is not None
    data.append(key)
    assert is_sound(decrypt(data, tag=ASSERTION, keys=[unwrap]))


def test_every_message_has_a_key_of_its_own() -> None:
    values = {value.text for _ in range(3) for value in encrypted().iter(f"{{{XENC}}}CipherValue")}
    assert len(values) == 6


def test_an_elliptic_key_is_no_recipient() -> None:
    root = etree.fromstring(response())
    with pytest.raises(ValueError, match="RSA"):
        encrypt(root[2], wrapper=WRAPPER, to=Recipient(certificate=certificate(ec_key())))


def test_case_26_modes_that_do_not_see_changes_and_old_padding_are_not_read() -> None:
    with pytest.raises(BadMessage):
        decrypt(
            wrapped(encrypted(Recipient(certificate="", content=AES_256_CBC))), tag=ASSERTION, keys=[unwrap]
        )
    for place, algorithm in (
        (0, f"{XENC}rsa-1_5"),
        (0, ""),
        (1, f"{XENC}tripledes-cbc"),
        (1, f"{XENC}aes256-cbc"),
    ):
        data = wrapped(encrypted())
        methods = sorted(
            data.iter(f"{{{XENC}}}EncryptionMethod"), key=lambda one: one.get("Algorithm") == AES_256_GCM
        )
        methods[place].set("Algorithm", algorithm)
        with pytest.raises(BadMessage):
            decrypt(data, tag=ASSERTION, keys=[unwrap])


def test_whatever_was_changed_the_answer_is_the_same() -> None:
    """A difference between "wrong key" and "wrong text" is what padding oracles are made of."""
    seen = set()
    for position, value in enumerate(encrypted().iter(f"{{{XENC}}}CipherValue")):
        for place in (0, 20, -1):
            data = wrapped(encrypted())
            target = list(data.iter(f"{{{XENC}}}CipherValue"))[position]
            octets = bytearray(base64.b64decode(value.text or ""))
            octets[place] ^= 1
            target.text = base64.b64encode(bytes(octets)).decode()
            with pytest.raises(BadMessage) as caught:
                decrypt(data, tag=ASSERTION, keys=[unwrap])
            seen.add((caught.value.public, caught.value.detail))
    assert len(seen) == 1


@pytest.mark.parametrize("name", ["CipherValue", "CipherData", "EncryptedKey", "EncryptionMethod", "KeyInfo"])
def test_what_is_incomplete_is_refused(name: str) -> None:
    data = wrapped(encrypted())
    space = DS if name == "KeyInfo" else XENC
    for element in list(data.iter(f"{{{space}}}{name}")):
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    with pytest.raises(BadMessage):
        decrypt(data, tag=ASSERTION, keys=[unwrap])


def test_another_element_than_expected_and_no_xml_are_refused() -> None:
    with pytest.raises(BadMessage):
        decrypt(wrapped(encrypted()), tag=f"{{{SAML}}}NameID", keys=[unwrap])
    data = wrapped(encrypted())
    method = data.find(f".//{{{XENC}}}EncryptedKey/{{{XENC}}}EncryptionMethod")
    assert method is not None
    etree.SubElement(method, f"{{{XENC11}}}MGF", Algorithm="urn:unknown")
    method.set("Algorithm", RSA_OAEP)
    with pytest.raises(BadMessage):
        decrypt(data, tag=ASSERTION, keys=[unwrap])


def test_what_was_decrypted_is_what_was_signed_octet_for_octet() -> None:
    root = etree.fromstring(response())
    assertion = root.find(ASSERTION)
    assert assertion is not None
    before = canonical(assertion)
    encrypt(assertion, wrapper=WRAPPER, to=for_us(Recipient(certificate="")))
    assert canonical(decrypt(wrapped(root), tag=ASSERTION, keys=[unwrap])) == before
