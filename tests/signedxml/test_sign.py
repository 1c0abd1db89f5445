"""What we sign is accepted by us and by everybody else, whatever the tree looks like."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier

from idp.signedxml import sign, validate
from idp.signedxml.names import ASSERTION, DS, ISSUER, SAML, SAMLP, SIGNATURE
from tests.signedxml.keys import certificate, ec_key, rsa_key, signer
from tests.signedxml.oracles import ORACLES
from tests.signedxml.samples import KINDS, NS, Kind, assertion, gate, genuine, response, target

_KEYS = {"RS256": rsa_key, "ES256": ec_key}
_EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
_ALGS = pytest.mark.parametrize("alg", ["RS256", "ES256"])


@_EVERY
@_ALGS
def test_round_trip(kind: Kind, alg: str) -> None:
    data = genuine(kind, alg)
    verified = gate(data, kind, key=_KEYS[alg]())
    assert verified.tag == kind.tag
    assert verified.find(SIGNATURE) is None
    assert "".join(verified.itertext()) == "".join(target(etree.fromstring(kind.text), kind).itertext())


@_EVERY
@_ALGS
@pytest.mark.parametrize("oracle", ORACLES)
def test_oracles_accept_what_we_sign(kind: Kind, alg: str, oracle: str) -> None:
    data = genuine(kind, alg)
    assert ORACLES[oracle](data, kind, certificate(_KEYS[alg]()))
    broken = data.replace(b"sp.example", b"xp.example")
    assert not ORACLES[oracle](broken, kind, certificate(_KEYS[alg]()))


@_EVERY
@_ALGS
def test_plain_signxml_accepts_what_we_sign(kind: Kind, alg: str) -> None:
    config = SignatureConfiguration(location=".//")
    data = genuine(kind, alg)
    result = XMLVerifier().verify(data, x509_cert=certificate(_KEYS[alg]()), expect_config=config)
    assert result.signed_xml.tag == kind.tag


@_EVERY
def test_signed_documents_are_valid_saml(kind: Kind) -> None:
    validate(etree.fromstring(genuine(kind)))


def test_signature_stands_where_saml_wants_it() -> None:
    root = etree.fromstring(genuine())
    assert [child.tag for child in root][:2] == [ISSUER, SIGNATURE]
    entity = etree.fromstring(genuine(KINDS["EntityDescriptor"]))
    assert entity[0].tag == SIGNATURE


def test_both_assertion_and_response_can_be_signed() -> None:
    root = etree.fromstring(response("_outer"))
    sign(root.find(ASSERTION), signer=signer(), alg="RS256", after_tag=ISSUER)
    sign(root, signer=signer(), alg="RS256", after_tag=ISSUER)
    data = etree.tostring(root)
    for kind in (KINDS["Response"], KINDS["Assertion"]):
        gate(data, kind)
        for oracle in ORACLES.values():
            assert oracle(data, kind, certificate(rsa_key()))
    signed_response = gate(data, KINDS["Response"])
    assert signed_response.find(f"saml:Assertion/{SIGNATURE}", NS) is not None


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("<a><b/></a>", ""),
        ('<a ID=""><b/></a>', ""),
        (f'<a ID="x"><Signature xmlns="{DS}"/></a>', ""),
        ('<a ID="x"><b/></a>', ISSUER),
        ('<a ID="x"/>', ISSUER),
    ],
    ids=["no ID", "empty ID", "signed already", "other first child", "no first child"],
)
def test_refuses_to_sign_what_cannot_be_verified(text: str, after: str) -> None:
    element = etree.fromstring(text)
    before = etree.tostring(element)
    with pytest.raises(ValueError):
        sign(element, signer=signer(), alg="RS256", after_tag=after)
    assert etree.tostring(element) == before


# The signature's own namespace under any prefix, SAML's under any or none, declared anywhere.
_PREFIXES = st.sampled_from(["", "saml", "saml2", "ds", "dsig", "a", "ns0", "x-y.z"])
_VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
_SPACE = st.text(st.sampled_from(" \t\n"), max_size=3)


@st.composite
def _trees(draw: st.DrawFn) -> etree._Element:
    """Give a Response, in whatever namespace dress, with an Assertion to be signed."""
    outer, inner, ds = draw(_PREFIXES), draw(_PREFIXES), draw(_PREFIXES)
    dress = {outer or None: SAMLP}
    if draw(st.booleans()):
        dress[ds or None] = DS
    root = etree.Element(f"{{{SAMLP}}}Response", {"ID": "_outer"}, nsmap=dress)
    root.text = draw(_SPACE)
    etree.SubElement(root, ISSUER, nsmap={inner or None: SAML}).text = draw(_VALUES)
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from([f"{{{DS}}}KeyName", "{urn:other}x", "plain"]))
        extra = etree.SubElement(root, name, {"{urn:other}v": draw(_VALUES), "w": draw(_VALUES)})
        extra.text, extra.tail = draw(_VALUES), draw(_SPACE)
    dress = {inner or None: SAML} | ({ds or None: DS} if ds != inner and draw(st.booleans()) else {})
    element = etree.SubElement(root, ASSERTION, {"ID": "_genuine"}, nsmap=dress)
    etree.SubElement(element, ISSUER).text = draw(_VALUES)
    value = etree.SubElement(element, f"{{{SAML}}}AttributeValue", {"n": draw(_VALUES)})
    value.text, value.tail = draw(_VALUES), draw(_VALUES)
    return root


@given(_trees(), st.booleans())
def test_any_prefixes_and_nesting_survive_the_wire(root: etree._Element, both: bool) -> None:
    sign(root.find(ASSERTION), signer=signer("ES256"), alg="ES256", after_tag=ISSUER)
    if both:
        sign(root, signer=signer("ES256"), alg="ES256", after_tag=ISSUER)
    for encoding in ("us-ascii", "utf-8"):
        data = etree.tostring(root, encoding=encoding)
        verified = gate(data, KINDS["Assertion"], key=ec_key())
        assert [t for t in verified.itertext() if t] == [
            t
            for t in root.find(ASSERTION).xpath(".//text()[not(ancestor::ds:Signature)]", namespaces=NS)
            if t
        ]
        if both:
            gate(data, KINDS["Response"], key=ec_key())


def test_signing_costs_little_beyond_the_key_operation() -> None:
    """A guard against an accidental copy of the tree, not a benchmark: the limit is generous."""

    class Instant:
        kid, certificate = "none", certificate(rsa_key())

        def sign(self, alg: str, data: bytes) -> bytes:
            return b"x" * 256

    best = 1.0
    for _ in range(50):
        root = etree.fromstring(response(inner=assertion()))
        begin = perf_counter()
        sign(root.find(ASSERTION), signer=Instant(), alg="RS256", after_tag=ISSUER)
        best = min(best, perf_counter() - begin)
    assert best < 0.001
