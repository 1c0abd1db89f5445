"""Rows 9, 14, 15, 26 for the Redirect binding: the signature is over the octets as sent."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Collection
from dataclasses import replace
from urllib.parse import parse_qsl, quote, quote_plus

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import BadMessage
from idp.signedxml import SIGNATURES, Query, decode_redirect, read_query, sign_query, verify_query
from tests.signedxml.keys import Key, certificate, ec_key, rsa_key, signer
from tests.signedxml.samples import authn_request, raw_signature

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_MGF1 = "http://www.w3.org/2007/05/xmldsig-more#"
_RSA_SHA256 = f"{_MORE}rsa-sha256"
_XML = authn_request().encode()
_KEYS = {"RS256": rsa_key, "ES256": ec_key}
Escape = Callable[[str], str]


def _plain(text: str) -> str:
    return quote(text, safe="")


def _lower(text: str) -> str:
    """Escape as .NET does: lower-case hex."""
    return "".join(
        part if index % 2 == 0 else part.lower() for index, part in enumerate(_split(_plain(text)))
    )


def _split(text: str) -> list[str]:
    parts, rest = [], text
    while "%" in rest:
        before, _, after = rest.partition("%")
        parts += [before, f"%{after[:2]}"]
        rest = after[2:]
    return [*parts, rest]


def _java(text: str) -> str:
    """Escape as java.net.URLEncoder does: + for a space, * as it is, ~ escaped."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def _node(text: str) -> str:
    """Escape as encodeURIComponent does: %20 for a space, more characters as they are."""
    return quote(text, safe="!~*'()")


def _message() -> str:
    query = sign_query(message="SAMLRequest", value=_XML, relay_state=None, signer=signer(), alg="RS256")
    return dict(parse_qsl(query))["SAMLRequest"]


def _signed(
    relay_state: str | None = None,
    *,
    escape: Escape = _plain,
    name: str = "SAMLRequest",
    uri: str = _RSA_SHA256,
    key: Key | None = None,
    digest: str = "sha256",
    order: tuple[int, ...] | None = None,
) -> str:
    """Return a query as a peer that escapes that way would sign it."""
    parts = [f"{name}={escape(_message())}"]
    if relay_state is not None:
        parts.append(f"RelayState={escape(relay_state)}")
    parts.append(f"SigAlg={escape(uri)}")
    value = raw_signature(key or rsa_key(), "&".join(parts).encode(), digest=digest, pss="MGF1" in uri)
    parts.append(f"Signature={escape(base64.b64encode(value).decode())}")
    return "&".join(parts if order is None else [parts[place] for place in order])


def _check(raw: str, *, name: str = "SAMLRequest", key: Key | None = None, **options: object) -> Query:
    query = read_query(raw, message=name)
    verify_query(query, certificates=[certificate(key or rsa_key())], **options)
    return query


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
@pytest.mark.parametrize("name", ["SAMLRequest", "SAMLResponse"])
@pytest.mark.parametrize("relay_state", [None, "", "a b+c&d=e%ü☃"])
def test_round_trip(alg: str, name: str, relay_state: str | None) -> None:
    raw = sign_query(message=name, value=_XML, relay_state=relay_state, signer=signer(alg), alg=alg)
    query = _check(raw, name=name, key=_KEYS[alg]())
    assert (decode_redirect(query.message), query.relay_state) == (_XML, relay_state)


def test_our_queries_are_in_the_order_of_the_binding() -> None:
    raw = sign_query(message="SAMLResponse", value=_XML, relay_state="r", signer=signer(), alg="RS256")
    assert [name for name, _ in parse_qsl(raw)] == ["SAMLResponse", "RelayState", "SigAlg", "Signature"]


def test_unsigned_query() -> None:
    query = read_query(f"SAMLRequest={_plain(_message())}", message="SAMLRequest")
    assert (query.sig_alg, query.signature, query.relay_state) == (None, None, None)
    assert decode_redirect(query.message) == _XML


# Row 15: what must be accepted.

_ESCAPES = pytest.mark.parametrize("escape", [_plain, _lower, _java, _node])


@_ESCAPES
@pytest.mark.parametrize("relay_state", [None, "", "x", "a b", "https://sp.example/?a=b&c=d", "ä~*'()!☃"])
def test_case_15_every_way_to_escape_is_accepted(escape: Escape, relay_state: str | None) -> None:
    raw = _signed(relay_state, escape=escape)
    query = _check(raw)
    assert query.relay_state == relay_state
    assert decode_redirect(query.message) == _XML


@_ESCAPES
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1)])
def test_case_15_any_order_is_accepted(escape: Escape, order: tuple[int, ...]) -> None:
    assert _check(_signed("a b", escape=escape, order=order)).relay_state == "a b"


def test_case_15_base64_that_is_not_escaped() -> None:
    raw = _signed(escape=lambda text: text)
    assert "%" not in raw
    assert decode_redirect(_check(raw).message) == _XML


def test_case_15_other_parameters_are_ignored() -> None:
    raw = f"utm_source=x&{_signed('r')}&client-request-id=5&&a"
    assert _check(raw).relay_state == "r"


def test_case_15_encoding_that_is_named() -> None:
    named = _plain("urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE")
    _check(f"{_signed()}&SAMLEncoding={named}")


def test_case_15_other_escaping_than_what_was_signed_is_refused() -> None:
    raw = _signed("a b", escape=_java)
    assert "a+b" in raw
    with pytest.raises(BadMessage):
        _check(raw.replace("a+b", "a%20b"))


# Row 14: what two readers could read differently.


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: f"{raw}&SAMLRequest=x",
        lambda raw: f"SAMLRequest=x&{raw}",
        lambda raw: f"{raw}&{raw}",
        lambda raw: f"{raw}&SAMLResponse=x",
        lambda raw: f"SAMLResponse=&{raw}",
        lambda raw: f"{raw}&RelayState=evil",
        lambda raw: f"{raw}&SigAlg={_plain(_RSA_SHA256)}",
        lambda raw: f"{raw}&Signature=AAAA",
        lambda raw: f"{raw}&%53AMLRequest=x",
        lambda raw: raw.replace("SAMLRequest", "%53AMLRequest"),
        lambda raw: raw.replace("SAMLRequest", "SAML%52equest"),
        lambda raw: raw.replace("SAMLRequest", "SAMLRequest%00"),
        lambda raw: f"{raw}&SAMLRequest[]=x",
        lambda raw: f"{raw}&SAMLRequest%5B%5D=x",
        lambda raw: f"{raw}&RelayState[0]=x",
        lambda raw: f" {raw}",
        lambda raw: f"+{raw}",
        lambda raw: f"%20{raw}",
        lambda raw: f"{raw}& SAMLRequest=x",
        lambda raw: f"{raw}&SAMLRequest =x",
        lambda raw: f"{raw}&\tSAMLRequest=x",
        lambda raw: f"{raw}&samlrequest=x",
        lambda raw: f"{raw}&SAMLREQUEST=x",
        lambda raw: f"{raw}&relaystate=x",
        lambda raw: f"{raw}&ſignature=x",
        lambda raw: f"{raw}&=x",
        lambda raw: f"?{raw}",
        lambda raw: raw.replace("RelayState=state", "RelayState"),
        lambda raw: raw.replace("RelayState=state", "RelayState=%zz"),
        lambda raw: raw.replace("RelayState=state", "RelayState=%ff"),
        lambda raw: raw.replace("RelayState=state", "RelayState=%"),
        lambda raw: raw.replace("RelayState=state", "RelayState=ü"),
        lambda raw: f"{raw}&SAMLEncoding=urn:other",
        lambda raw: f"{raw}&SAMLEncoding=",
        lambda raw: raw.partition("&Signature")[0],
        lambda raw: raw.partition("&SigAlg")[0] + "&Signature=AAAA",
        lambda raw: raw.partition("&Signature")[0] + "&Signature=*",
        lambda raw: raw.replace("SAMLRequest", "SAMLResponse"),
        lambda raw: raw.replace("SAMLRequest", "SAMLart"),
        lambda raw: f"{raw}&a={'x' * 70_000}",
        lambda _raw: "",
        lambda _raw: "&&&",
    ],
)
def test_case_14_parameter_tricks(change: Callable[[str], str]) -> None:
    raw = _signed("state")
    assert _check(raw).relay_state == "state"
    with pytest.raises(BadMessage):
        read_query(change(raw), message="SAMLRequest")


def test_case_14_relay_state_added_or_taken_away() -> None:
    for raw in (f"{_signed()}&RelayState=evil", _signed("state").replace("RelayState=state&", "")):
        with pytest.raises(BadMessage):
            _check(raw)


def test_case_14_signature_for_a_response_is_none_for_a_request() -> None:
    raw = _signed(name="SAMLResponse")
    _check(raw, name="SAMLResponse")
    with pytest.raises(BadMessage):
        _check(raw.replace("SAMLResponse", "SAMLRequest"))


def test_case_14_signed_octets_are_the_raw_ones() -> None:
    raw = "Signature=AAAA&SigAlg=%61&x=y&RelayState=%7e+%20&SAMLRequest=%41"
    query = read_query(raw, message="SAMLRequest")
    assert query.signed_octets == b"SAMLRequest=%41&RelayState=%7e+%20&SigAlg=%61"
    assert (query.message, query.relay_state, query.sig_alg, query.signature) == ("A", "~  ", "a", bytes(3))


# Algorithms and keys.


@pytest.mark.parametrize("bits", [256, 384, 512])
@pytest.mark.parametrize(
    ("method", "key"),
    [
        (_MORE + "rsa-sha{}", rsa_key),
        (_MGF1 + "sha{}-rsa-MGF1", rsa_key),
        (_MORE + "ecdsa-sha{}", ec_key),
        (_MORE + "ecdsa-sha{}", lambda: ec_key(ec.SECP384R1)),
        (_MORE + "ecdsa-sha{}", lambda: ec_key(ec.SECP521R1)),
    ],
    ids=["rsa", "pss", "P-256", "P-384", "P-521"],
)
def test_every_accepted_algorithm(bits: int, method: str, key: Callable[[], Key]) -> None:
    uri = method.format(bits)
    raw = _signed("r", uri=uri, key=key(), digest=f"sha{bits}")
    _check(raw, key=key())
    with pytest.raises(BadMessage, match="algorithm"):
        _check(raw, key=key(), allow=SIGNATURES - {uri})


def test_ecdsa_as_java_peers_send_it() -> None:
    octets = f"SAMLRequest={_plain(_message())}&SigAlg={_plain(f'{_MORE}ecdsa-sha256')}"
    der = ec_key().sign(octets.encode(), ec.ECDSA(hashes.SHA256()))
    raw = f"{octets}&Signature={_plain(base64.b64encode(der).decode())}"
    _check(raw, key=ec_key())
    with pytest.raises(BadMessage):
        _check(raw.replace("SAMLRequest=", "SAMLRequest=A"), key=ec_key())


@pytest.mark.parametrize("signature", [b"", b"x", bytes(64), b"\xff" * 64, bytes(256), b"0\x00"])
def test_nonsense_signatures(signature: bytes) -> None:
    for uri, key in ((_RSA_SHA256, rsa_key()), (f"{_MORE}ecdsa-sha256", ec_key())):
        query = replace(read_query(_signed(uri=uri, key=key), message="SAMLRequest"), signature=signature)
        with pytest.raises(BadMessage):
            verify_query(query, certificates=[certificate(key)])


@pytest.mark.parametrize(
    ("uri", "digest", "never"),
    [
        ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "sha1", SIGNATURES),
        (f"{_MORE}rsa-sha224", "sha224", {f"{_MORE}rsa-sha224"}),
    ],
)
def test_case_26_weak_algorithms(uri: str, digest: str, never: Collection[str]) -> None:
    raw = _signed(uri=uri, digest=digest)
    for allow in (SIGNATURES, never):
        with pytest.raises(BadMessage, match="algorithm"):
            _check(raw, allow=allow)


@pytest.mark.parametrize(
    "uri", ["", "none", "RS256", f"{_MORE}rsa-md5", _RSA_SHA256.upper(), f"{_RSA_SHA256} "]
)
def test_case_26_unknown_algorithms(uri: str) -> None:
    with pytest.raises(BadMessage, match="algorithm"):
        _check(_signed(uri=uri))


def test_case_09_certificate_as_hmac_key() -> None:
    uri = f"{_MORE}hmac-sha256"
    octets = f"SAMLRequest={_plain(_message())}&SigAlg={_plain(uri)}"
    value = hmac.digest(certificate(rsa_key()).encode(), octets.encode(), "sha256")
    with pytest.raises(BadMessage, match="algorithm"):
        _check(f"{octets}&Signature={_plain(base64.b64encode(value).decode())}", allow=SIGNATURES | {uri})


def test_case_08_unsigned_query_is_not_verified() -> None:
    query = read_query(f"SAMLRequest={_plain(_message())}", message="SAMLRequest")
    with pytest.raises(BadMessage, match="without signature"):
        verify_query(query, certificates=[certificate(rsa_key())])


@pytest.mark.parametrize(
    "certificates", [[], ["nonsense"], [certificate(ec_key())], [certificate(rsa_key("other"))]]
)
def test_case_08_no_key_that_fits(certificates: list[str]) -> None:
    query = read_query(_signed(), message="SAMLRequest")
    with pytest.raises(BadMessage):
        verify_query(query, certificates=certificates)
    verify_query(query, certificates=[*certificates, certificate(rsa_key())])


_RAW = _signed("state")


@given(st.data())
def test_any_changed_character_is_refused(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(_RAW) - 1))
    character = data.draw(st.characters(codec="ascii").filter(lambda value: value != _RAW[place]))
    changed = _RAW[:place] + character + _RAW[place + 1 :]
    try:
        query = _check(changed)
    except BadMessage:
        return
    # Only how the signature itself is written may differ.
    assert query.signed_octets == read_query(_RAW, message="SAMLRequest").signed_octets


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(raw: str) -> None:
    for text in (raw, f"SAMLRequest=x&{raw}"):
        try:
            assert read_query(text, message="SAMLRequest").message is not None
        except BadMessage:
            continue


@given(st.text(max_size=100), st.sampled_from([_plain, _lower, _java, _node]), st.permutations(range(4)))
def test_any_relay_state_survives(relay_state: str, escape: Escape, order: list[int]) -> None:
    assert _check(_signed(relay_state, escape=escape, order=tuple(order))).relay_state == relay_state
