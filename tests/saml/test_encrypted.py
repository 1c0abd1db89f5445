"""Answers that only their reader can read, and those that do not leave because nobody safe could."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from idp import signedxml
from idp.core.codec import plain
from idp.core.errors import Denied, Reason
from idp.core.model import SignInRequest
from idp.partners.saml import Encrypt, Tolerated, Weak, saml_settings
from idp.saml import outbound
from tests.peers import require
from tests.saml.decrypting import decrypted
from tests.saml.house import House, message_of
from tests.saml.sp import SAML, SAMLP, Sp, authn_request, query
from tests.signedxml.oracles import ORACLES
from tests.signedxml.samples import Kind

XENC = "http://www.w3.org/2001/04/xmlenc#"
ASSERTION, RESPONSE = f"{{{SAML}}}Assertion", f"{{{SAMLP}}}Response"
ENCRYPTED = f"{{{SAML}}}EncryptedAssertion"
SIGNED = "{http://www.w3.org/2000/09/xmldsig#}Signature"


def certificate(house: House) -> str:
    return house.keys.signer("default", "RS256").certificate


def asking(house: House) -> SignInRequest:
    return house.inbound.by_redirect(query(authn_request(house.clock.now()))).request


def answer(house: House) -> etree._Element:
    return message_of(house.door.answer(house.grant(asking(house))))


def read(root: etree._Element, key: rsa.RSAPrivateKey) -> etree._Element:
    """Return the decrypted assertion."""
    (wrapped,) = root.findall(ENCRYPTED)
    return decrypted(wrapped, key)


@pytest.mark.parametrize(
    ("response", "assertion"), [(True, True), (False, True), (True, False)], ids=["both", "inside", "outside"]
)
def test_an_encrypted_answer_is_signed_as_chosen_and_reads_as_any_other(
    house: House, key: rsa.RSAPrivateKey, response: bool, assertion: bool
) -> None:
    house.add(Sp(key), encrypt=Encrypt.ALWAYS, sign_response=response, sign_assertion=assertion)
    root = answer(house)
    signedxml.validate(root)
    assert root.find(ASSERTION) is None
    assert b"Lovelace" not in etree.tostring(root)
    assert (root.find(SIGNED) is not None) is response
    ours = [certificate(house)]
    if response:
        signedxml.verify(root, tag=RESPONSE, certificates=ours)
    inner = read(root, key)
    signedxml.validate(inner)
    assert (inner.find(SIGNED) is not None) is assertion
    if assertion:
        inner = signedxml.verify(inner, tag=ASSERTION, certificates=ours)
    assert inner.findtext(f".//{{{SAML}}}NameID") == "pairwise-1"


@pytest.mark.parametrize("oracle", ORACLES)
def test_other_verifiers_agree_with_both_signatures(
    house: House, key: rsa.RSAPrivateKey, tmp_path: Path, oracle: str
) -> None:
    house.add(Sp(key), encrypt=Encrypt.ALWAYS)
    data = etree.tostring(answer(house))
    assert ORACLES[oracle](data, Kind("ours", "", RESPONSE), certificate(house))
    (tmp_path / "message.xml").write_bytes(data)
    (tmp_path / "key.pem").write_text(Sp(key).key_pem)
    command = [str(require("xmlsec1")), "--decrypt", "--privkey-pem", "key.pem", "message.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    (wrapped,) = etree.fromstring(done.stdout).findall(ENCRYPTED)
    inner = etree.tostring(wrapped[0])
    assert ORACLES[oracle](inner, Kind("ours", "", ASSERTION), certificate(house))


def test_by_itself_an_answer_is_encrypted_when_the_metadata_has_a_key_for_it(
    house: House, key: rsa.RSAPrivateKey
) -> None:
    metadata = Sp(key).metadata()
    house.add_metadata(metadata)
    assert answer(house).find(ASSERTION) is not None
    declared = metadata.replace(b"<md:KeyDescriptor>", b'<md:KeyDescriptor use="encryption">')
    house.add_metadata(declared)
    assert read(answer(house), key) is not None
    house.add_metadata(declared, encrypt=Encrypt.NEVER)
    assert answer(house).find(ASSERTION) is not None


def test_what_must_be_encrypted_and_cannot_be_is_not_sent(
    house: House, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    house.add(Sp(ec_key), encrypt=Encrypt.ALWAYS)
    request = asking(house)
    with pytest.raises(Denied) as caught:
        house.door.answer(house.grant(request))
    assert caught.value.reason is Reason.UNPROTECTED
    no = message_of(house.door.deny(request, caught.value))
    signedxml.validate(no)
    assert no.find(ASSERTION) is None
    assert no.find(ENCRYPTED) is None


def test_the_key_is_looked_for_when_the_answer_is_made(house: House, key: rsa.RSAPrivateKey) -> None:
    partner = house.add(Sp(key), encrypt=Encrypt.ALWAYS)
    request = asking(house)
    bare = replace(saml_settings(partner), encryption_keys=())
    house.save(replace(partner, settings=plain(bare)))
    with pytest.raises(Denied):
        house.door.answer(house.grant(request))


def test_case_26_cbc_is_only_sent_within_a_signature_and_until_the_date(
    house: House, key: rsa.RSAPrivateKey
) -> None:
    until = house.clock.now() + timedelta(days=1)
    allowed = (Tolerated(what=Weak.CBC, until=until),)
    house.add(Sp(key), encrypt=Encrypt.ALWAYS, sign_response=False, tolerated=allowed)
    root = answer(house)
    (method, _) = root.iter(f"{{{XENC}}}EncryptionMethod")
    assert method.get("Algorithm") == f"{XENC}aes256-cbc"
    signedxml.verify(root, tag=RESPONSE, certificates=[certificate(house)])
    house.clock.advance(days=1)  # type: ignore[attr-defined]
    (method, _) = answer(house).iter(f"{{{XENC}}}EncryptionMethod")
    assert method.get("Algorithm") == "http://www.w3.org/2009/xmlenc11#aes256-gcm"


def test_an_answer_with_nothing_to_sign_is_signed_all_the_same(house: House, key: rsa.RSAPrivateKey) -> None:
    house.add(Sp(key), sign_response=False, sign_assertion=False)
    signedxml.verify(answer(house), tag=RESPONSE, certificates=[certificate(house)])


def test_an_answer_that_is_not_encrypted_as_it_must_be_does_not_leave(
    house: House, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add(Sp(key), encrypt=Encrypt.ALWAYS)
    request = asking(house)
    monkeypatch.setattr(outbound.signedxml, "encrypt", lambda *_, **__: None)
    with pytest.raises(RuntimeError):
        house.door.answer(house.grant(request))


def test_two_answers_have_no_octets_in_common(house: House, key: rsa.RSAPrivateKey) -> None:
    house.add(Sp(key), encrypt=Encrypt.ALWAYS)
    values = [
        base64.b64decode(value.text or "")
        for _ in range(2)
        for value in answer(house).iter(f"{{{XENC}}}CipherValue")
    ]
    assert len({value[:12] for value in values}) == 4
