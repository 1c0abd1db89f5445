"""Only ID tokens that we signed, for a client of ours, are read back."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from idp.oidc.idtokens import IdTokens
from tests.oidc.house import BASE, House, decoded
from tests.oidc.samples import GRANT


@pytest.fixture
def id_tokens(house: House) -> IdTokens:
    return house.id_tokens


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def ours(house: House, alg: str = "RS256") -> str:
    house.add_client("one", id_token_alg=alg)
    partner = house.registered["one"]
    return house.id_tokens.make(GRANT, partner=partner, access_token="token", now=house.clock.now())


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_our_own_tokens_are_read_even_when_expired(house: House, id_tokens: IdTokens, alg: str) -> None:
    token = ours(house, alg)
    house.clock.advance(days=30)
    hint = id_tokens.read(token)
    assert hint is not None
    assert (hint.partner.identifier, hint.subject, hint.participant) == ("one", "ada", "sid")


def test_case_31_no_algorithm_of_the_senders_choice(house: House, id_tokens: IdTokens) -> None:
    token = ours(house)
    header, claims = decoded(token)
    body = token.split(".")[1]
    assert id_tokens.read(f"{part({**header, 'alg': 'none'})}.{body}.") is None
    assert id_tokens.read(f"{part({'alg': 'none'})}.{body}.") is None
    public: Any = next(
        key.key for key in house.ring.published(house.issuers.default().key_set) if key.kid == header["kid"]
    )
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, b"\n" + pem, b"x" * 32):
        key = OctKey(secret, secret)
        forged = jws.serialize_compact(
            {**header, "alg": "HS256"}, json.dumps(claims), key, algorithms=["HS256"]
        )
        assert id_tokens.read(forged) is None


@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c"])
def test_case_31_no_key_of_the_senders_choice(house: House, id_tokens: IdTokens, name: str) -> None:
    header, claims = decoded(ours(house))
    own = RSAKey.generate_key(2048)
    values: dict[str, Any] = {
        "jku": "https://evil.example/keys",
        "jwk": own.as_dict(private=False),
        "x5u": "https://evil.example/cert",
        "x5c": ["AAAA"],
    }
    head = {**header, name: values[name]}
    registry = jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)
    registry.max_header_length = 4096
    forged = jws.serialize_compact(head, json.dumps(claims), own, registry=registry)
    assert id_tokens.read(forged) is None


def test_case_31_another_algorithms_key_id(house: House, id_tokens: IdTokens) -> None:
    published = {key.alg: key.kid for key in house.ring.published(house.issuers.default().key_set)}
    _, claims = decoded(ours(house))
    own = ECKey.generate_key("P-256")
    head = {"alg": "ES256", "kid": published["RS256"], "typ": "JWT"}
    assert id_tokens.read(jws.serialize_compact(head, json.dumps(claims), own)) is None


def sign(house: House, header: dict[str, object], claims: object) -> str:
    """Sign anything with our own key, as if another part of the service had made it."""
    signer = house.ring.signer(house.issuers.default().key_set, "RS256")
    signed = f"{part({'alg': 'RS256', 'kid': signer.kid, **header})}.{part(claims)}"
    signature = urlsafe_b64encode(signer.sign("RS256", signed.encode())).decode().rstrip("=")
    return f"{signed}.{signature}"


@pytest.mark.parametrize(
    ("header", "changed"),
    [
        ({"typ": "logout+jwt"}, {}),
        ({"typ": "at+jwt"}, {}),
        ({"typ": 7}, {}),
        ({"kid": ["a"]}, {}),
        ({"crit": ["exp"], "exp": 1}, {}),
        ({}, {"iss": "https://other.example"}),
        ({}, {"aud": ["wiki"]}),
        ({}, {"aud": "unknown"}),
        ({}, {"sub": None}),
        ({}, {"sub": ["ada"]}),
        ({}, {"sid": 7}),
    ],
)
def test_what_we_signed_for_another_purpose_is_no_hint(
    house: House, id_tokens: IdTokens, header: dict[str, object], changed: dict[str, object]
) -> None:
    fine = {"iss": BASE, "aud": "wiki", "sub": "ada", "sid": "s"}
    assert id_tokens.read(sign(house, {"typ": "JWT"}, fine)) is not None
    assert id_tokens.read(sign(house, header, {**fine, **changed})) is None


def test_claims_that_are_no_object(house: House, id_tokens: IdTokens) -> None:
    for claims in ([], "text", 7, None, [["aud"]]):
        assert id_tokens.read(sign(house, {}, claims)) is None
    for header in ([], ["alg"], "alg", 7, None):
        assert id_tokens.read(f"{part(header)}.{part({'aud': 'wiki'})}.AAAA") is None


def test_deep_nesting_is_bounded(id_tokens: IdTokens) -> None:
    deep = urlsafe_b64encode(b"[" * 4000).decode().rstrip("=")
    assert id_tokens.read(f"{deep}.{deep}.AAAA") is None
    assert id_tokens.read("a" * 100_000) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=100))
def test_any_text_is_no_token(id_tokens: IdTokens, text: str) -> None:
    assert id_tokens.read(text) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["alg", "kid", "aud"]), inner)
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=_JSON, claims=_JSON)
def test_any_json_is_no_token(id_tokens: IdTokens, header: object, claims: object) -> None:
    assert id_tokens.read(f"{part(header)}.{part(claims)}.AAAA") is None


@pytest.mark.parametrize("crit", [5, None, [1], [["b64"]], ["b64"], {"a": 1}])
def test_an_extension_that_a_header_demands_is_refused_unsigned(
    house: House, id_tokens: IdTokens, crit: object
) -> None:
    """The library that reads it expects a list of names; the names of our keys are published."""
    header, claims = decoded(ours(house))
    assert id_tokens.read(f"{part({**header, 'crit': crit})}.{part(claims)}.AAAA") is None
