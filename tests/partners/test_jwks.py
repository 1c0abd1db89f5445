"""Key sets of clients: public keys that are strong enough, and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp.core import codec
from idp.core.errors import Refused
from idp.partners.jwks import Jwk, read

RSA, EC = RSAKey.generate_key(2048).as_dict(private=False), ECKey.generate_key("P-256").as_dict(private=False)


def key_set(*keys: Any) -> str:
    return json.dumps({"keys": list(keys)})


def test_keys_say_what_they_may_sign_with() -> None:
    rsa, ec = read(key_set({**RSA, "kid": "one"}, EC))
    assert (rsa.kid, rsa.algs) == ("one", ("RS256", "PS256"))
    assert ec.algs == ("ES256",)
    assert len(ec.kid) == 43
    assert read(key_set({**RSA, "alg": "PS256"}))[0].algs == ("PS256",)


def test_only_what_a_key_is_made_of_is_kept() -> None:
    (key,) = read(key_set({**EC, "x5u": "https://evil.example/", "note": "x"}))
    assert set(key.members) == {"kty", "crv", "x", "y"}
    assert codec.build(Jwk, codec.plain(key)) == key


def test_keys_for_encryption_are_passed_over() -> None:
    assert len(read(key_set({**RSA, "use": "enc"}, {**EC, "use": "sig"}))) == 1
    with pytest.raises(Refused):
        read(key_set({**RSA, "use": "enc"}))


@pytest.mark.parametrize(
    "key",
    [
        RSAKey.generate_key(2048).as_dict(private=True),
        ECKey.generate_key("P-256").as_dict(private=True),
        OctKey.generate_key(256).as_dict(private=True),
        ECKey.generate_key("P-384").as_dict(private=False),
        OKPKey.generate_key("Ed25519").as_dict(private=False),
        {**RSA, "n": "AQAB"},
        {**RSA, "e": "AQ"},
        {**RSA, "alg": "HS256"},
        {**RSA, "alg": "none"},
        {**RSA, "kid": 7},
        {**EC, "alg": "RS256"},
        {**EC, "x": EC["y"]},
        {**EC, "x": "AA"},
        {"kty": "RSA"},
        {},
    ],
)
def test_what_is_refused(key: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        read(key_set(key))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys":{}}', '{"keys":[]}', '{"keys":[1]}', "x" * 70_000])
def test_what_is_no_key_set(text: str) -> None:
    with pytest.raises(Refused):
        read(text)


def test_too_many_keys_are_refused() -> None:
    with pytest.raises(Refused):
        read(key_set(*[EC] * 11))


@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"]),
        st.sampled_from(["RSA", "EC", "P-256", "AQAB", "sig", ""]) | st.integers() | st.text(max_size=9),
    )
)
def test_any_key_is_read_or_refused(changed: dict[str, Any]) -> None:
    for key in (RSA, EC):
        with suppress(Refused):
            read(key_set({**key, **changed}))
