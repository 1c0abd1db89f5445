"""Rows 10, 11 and 13: a failing verifier, void canonicalisation, split text; and any change at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from signxml import VerifyResult, XMLVerifier
from signxml.exceptions import InvalidSignature

from idp.core.errors import BadMessage
from idp.signedxml import parse_message, sign, validate
from idp.signedxml.names import ASSERTION, ISSUER, SIGNATURE
from tests.signedxml.keys import signer
from tests.signedxml.samples import (
    KINDS,
    NS,
    REQUEST,
    canonical,
    find,
    gate,
    genuine,
    resigned,
)

# Row 10: a verifier that fails in any way.


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        -1,
        0,
        1,
        True,
        "ok",
        [],
        InvalidSignature("no"),
        ValueError("odd"),
        KeyError("x"),
        TypeError("y"),
    ],
    ids=repr,
)
def test_case_10_verifier_error(outcome: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_arguments: object, **_options: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    gate(genuine())
    monkeypatch.setattr(XMLVerifier, "verify", answer)
    with pytest.raises(BadMessage):
        gate(genuine())


@pytest.mark.parametrize("outcome", [RuntimeError, MemoryError, RecursionError])
def test_case_10_unforeseen_error_is_no_yes(
    outcome: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_arguments: object, **_options: object) -> object:
        raise outcome

    monkeypatch.setattr(XMLVerifier, "verify", answer)
    with pytest.raises(outcome):
        gate(genuine())


@pytest.mark.parametrize(
    "change",
    [
        {"signed_data": b""},
        {"signed_data": b"<evil/>"},
        {"signature_key": b""},
        {"signature_key": b"-----BEGIN PUBLIC KEY-----"},
    ],
    ids=str,
)
def test_case_10_verifier_that_verified_something_else(
    change: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    true_verify = XMLVerifier.verify

    def answer(self: XMLVerifier, *arguments: object, **options: object) -> VerifyResult:
        return replace(true_verify(self, *arguments, **options), **change)

    monkeypatch.setattr(XMLVerifier, "verify", answer)
    with pytest.raises(BadMessage):
        gate(genuine())


# Row 11: canonicalisation that ends in nothing.


def test_case_11_relative_namespace_makes_canonicalisation_fail() -> None:
    data = genuine().replace(b"<samlp:NameIDPolicy ", b'<samlp:NameIDPolicy xmlns:r="relative" r:x="1" ')
    with pytest.raises(etree.C14NError):
        canonical(etree.fromstring(data))
    with pytest.raises(BadMessage):
        gate(data)


def test_case_11_digest_of_nothing() -> None:
    empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # base64 of SHA-256 of no octets

    def change(element: etree._Element, signature: etree._Element) -> None:
        etree.SubElement(element, "{relative}x")
        find(signature, "DigestValue").text = empty

    with pytest.raises(BadMessage):
        gate(resigned(genuine(), change))


def test_case_11_canonicalisation_that_returns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(XMLVerifier, "_c14n", lambda *_arguments, **_options: b"")
    with pytest.raises(BadMessage):
        gate(genuine())


# Row 13: text that reads differently than it was signed.


@pytest.mark.parametrize("inserted", [b"<!-- x -->", b"<?x y?>", b"<!---->"])
@pytest.mark.parametrize("place", [b"alice@", b"https://sp.example", b"<saml:Subject>"])
def test_case_13_split_text(place: bytes, inserted: bytes) -> None:
    kind = KINDS["Assertion"]
    data = genuine(kind)
    assert place in data
    with pytest.raises(BadMessage, match=r"comment|instruction"):
        gate(data.replace(place, inserted + place), kind)


def test_case_13_cdata_is_text() -> None:
    kind = KINDS["Assertion"]
    data = genuine(kind).replace(b">alice<", b"><![CDATA[ali]]>ce<")
    assert gate(data, kind).findtext(".//saml:NameID", namespaces=NS) == "alice"


def test_case_13_child_element_in_signed_text() -> None:
    """Even a partner that signs it can't send a name that begins as another one's."""
    kind = KINDS["LogoutRequest"]
    split = replace(kind, text=kind.text.replace(">alice<", ">ali<saml:x/>ce<"))
    gate(genuine(split), split)
    with pytest.raises(BadMessage, match="SCHEMASV"):
        validate(parse_message(genuine(split)))


def _with_text_moved_behind_the_signature(text: str) -> bytes:
    """Return a message whose text after the Issuer stands after the signature: the same octets."""
    root = etree.fromstring(REQUEST.text.replace("</saml:Issuer>", f"</saml:Issuer>{text}"))
    sign(root, signer=signer(), alg="RS256", after_tag=ISSUER)
    root[1].tail, root[0].tail = root[0].tail, None
    return etree.tostring(root)


def test_space_after_the_signature_is_signed_and_kept() -> None:
    data = _with_text_moved_behind_the_signature("\n  ")
    assert gate(data)[0].tail == "\n  "
    with pytest.raises(BadMessage):
        gate(data.replace(b"</ds:Signature>\n  <", b"</ds:Signature>\n <"))


def test_other_text_after_the_signature_is_refused() -> None:
    # No SAML element that is signed has text among its children, and signxml can't read it.
    with pytest.raises(BadMessage):
        gate(_with_text_moved_behind_the_signature("text"))


def test_comments_in_signed_metadata_are_dropped_whole() -> None:
    kind = KINDS["EntityDescriptor"]
    data = genuine(kind).replace(b"<md:SPSSODescriptor", b"<!-- a --><?b c?><md:SPSSODescriptor")
    verified = gate(data, kind)
    assert [child.tag for child in verified] == [f"{{{NS['md']}}}SPSSODescriptor"]


def test_element_names_beyond_ascii_are_refused_and_break_nothing() -> None:
    # signxml writes trees in ASCII, in which such names can't be written.
    kind = KINDS["EntityDescriptor"]
    extensions = '<md:Extensions><b:größe xmlns:b="urn:b" b:é="ü">ñ</b:größe></md:Extensions>'
    text = kind.text.replace("<md:SPSSODescriptor", extensions + "<md:SPSSODescriptor", 1)
    root = etree.fromstring(text)
    sign(root, signer=signer(), alg="RS256", after_tag=kind.after)
    with pytest.raises(BadMessage):
        gate(etree.tostring(root, encoding="UTF-8"), kind)


# Whatever byte of the signed part is changed.

_SIGNED = {name: genuine(kind) for name, kind in KINDS.items()}


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_any_changed_byte_is_refused_or_means_the_same(name: str, data: st.DataObject) -> None:
    kind, signed = KINDS[name], _SIGNED[name]
    place = data.draw(st.integers(0, len(signed) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != signed[place]))
    changed = signed[:place] + bytes([byte]) + signed[place + 1 :]
    try:
        verified = gate(changed, kind)
    except BadMessage:
        return
    # Accepted: it was in what no signature covers (KeyInfo), in what stands beside the
    # assertion, or it was white space or a quote in a tag.
    assert canonical(verified) == canonical(gate(signed, kind))


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_any_changed_text_or_attribute_is_refused(name: str, data: st.DataObject) -> None:
    kind = KINDS[name]
    root = etree.fromstring(_SIGNED[name])
    element = root if root.tag == kind.tag else root.find(ASSERTION)
    signed = [
        node
        for node in element.iter()
        if not any(above.tag == SIGNATURE for above in (node, *node.iterancestors()))
    ]
    signed.append(find(element, "SignedInfo"))
    node = data.draw(st.sampled_from(signed))
    change = data.draw(st.sampled_from(["text", "attribute", "child", "remove", "tag"]))
    if change == "text":
        node.text = (node.text or "") + "x"
    elif change == "attribute":
        node.set(data.draw(st.sampled_from(["a", "ID2", "{urn:x}y"])), "")
    elif change == "child":
        node.insert(data.draw(st.integers(0, len(node))), etree.Element("{urn:x}child"))
    elif change == "remove" and node is not element:
        node.getparent().remove(node)
    else:
        node.tag = "{urn:x}other"
    with pytest.raises(BadMessage):
        gate(etree.tostring(root), kind)


def test_threads_get_their_own_answers() -> None:
    good = genuine()
    bad = good.replace(b"sp.example", b"xp.example")
    gate(good)

    def is_accepted(number: int) -> bool:
        try:
            gate(bad if number % 3 else good)
        except BadMessage:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(is_accepted, range(300))) == [number % 3 == 0 for number in range(300)]
