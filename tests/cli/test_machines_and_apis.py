"""idp partner for OpenID Connect's machines, APIs and clients with keys."""

from __future__ import annotations

import json

import pytest
from joserfc.jwk import ECKey

REDIRECT = ("--redirect-uri", "https://wiki.example/cb")


@pytest.fixture
def keys(nothing_set):
    key = ECKey.generate_key("P-256")
    (nothing_set / "keys.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    (nothing_set / "private.json").write_text(json.dumps({"keys": [key.as_dict(private=True)]}))
    short = {"kty": "RSA", "n": "AQAB" * 20, "e": "AQAB"}
    (nothing_set / "short.json").write_text(json.dumps({"keys": [short]}))
    return nothing_set


def add_api(idp, *more):
    return idp.json(
        "partner",
        "add-api",
        "orders",
        "https://orders.example/",
        "--scope",
        "read",
        "--scope",
        "write",
        *more,
    )


def settings(idp, which):
    return idp.json("partner", "show", which)["settings"]


def test_an_api_and_a_machine_that_calls_it(idp):
    api = add_api(idp, "--access-token-alg", "ES256")
    assert len(api["client_secret"]) >= 32
    assert settings(idp, "orders")["resource"] == "https://orders.example/"
    assert settings(idp, "orders")["access_token_alg"] == "ES256"
    made = idp.json("partner", "add-oidc", "billing", "--machine", "--api", "orders", "read, write")
    assert made["client_secret"] != api["client_secret"]
    assert settings(idp, "billing")["may_call"] == {"orders": ["read", "write"]}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--machine"],
        ["--machine", "--api", "stock", "read"],
        ["--machine", "--api", "orders", "delete"],
        ["--machine", "--api", "orders", "read", "--public"],
    ],
)
def test_a_machine_that_could_not_work_is_refused(idp, arguments):
    add_api(idp)
    assert idp.refused("partner", "add-oidc", "billing", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["orders.example", "--scope", "read"],
        ["https://orders.example/#x", "--scope", "read"],
        ["https://orders.example/", "--scope", "re ad"],
        ["https://orders.example/", "--scope", "openid"],
        ["https://orders.example/", "--scope", "offline_access"],
    ],
)
def test_an_api_that_could_not_work_is_refused(idp, arguments):
    assert idp.refused("partner", "add-api", "orders", *arguments)


def test_one_address_is_one_api(idp):
    add_api(idp)
    assert "already" in idp.refused(
        "partner", "add-api", "other", "https://orders.example/", "--scope", "read"
    )


def test_a_client_with_keys_has_no_secret(idp, keys):
    made = idp.json("partner", "add-oidc", "wiki", *REDIRECT, "--jwks", "keys.json")
    assert "client_secret" not in made
    assert made["settings"]["auth_methods"] == ["private_key_jwt"]
    assert "private" in idp.refused("partner", "add-oidc", "w2", *REDIRECT, "--jwks", "private.json")
    assert "2048" in idp.refused("partner", "add-oidc", "w2", *REDIRECT, "--jwks", "short.json")
    idp("partner", "add-oidc", "w2", *REDIRECT, "--jwks", "keys.json", "--public", exit_code=2)


def test_a_client_may_publish_its_keys_itself(idp, keys):
    there = ["--jwks-uri", "https://wiki.example/jwks"]
    made = idp.json("partner", "add-oidc", "wiki", *REDIRECT, *there)
    assert "client_secret" not in made
    assert made["settings"]["auth_methods"] == ["private_key_jwt"]
    idp("partner", "add-oidc", "w2", *REDIRECT, *there, "--jwks", "keys.json", exit_code=2)
    for wrong in ("http://wiki.example/jwks", "com.example.app:/jwks", "https://wiki.example/#x", "x"):
        assert idp.refused("partner", "add-oidc", "w2", *REDIRECT, "--jwks-uri", wrong)
    idp("partner", "set", "wiki", "--jwks", "keys.json")
    assert settings(idp, "wiki")["jwks_uri"] == ""
    idp("partner", "set", "wiki", *there)
    assert settings(idp, "wiki")["jwks"] == []
    api = idp.json("partner", "add-api", "orders", "https://orders.example/", "--scope", "read", *there)
    assert "client_secret" not in api


def test_what_a_client_may_is_changed_later(idp, keys):
    add_api(idp)
    idp("partner", "add-oidc", "wiki", *REDIRECT)
    idp("partner", "set", "wiki", "--refresh", "--api", "orders", "read")
    assert settings(idp, "wiki")["refresh"] is True
    assert settings(idp, "wiki")["may_call"] == {"orders": ["read"]}
    idp("partner", "set", "wiki", "--no-refresh", "--api", "orders", "")
    assert settings(idp, "wiki")["refresh"] is False
    assert settings(idp, "wiki")["may_call"] == {}
    idp("partner", "set", "wiki", "--jwks", "keys.json")
    assert settings(idp, "wiki")["auth_methods"] == ["private_key_jwt"]
    idp("partner", "set", "orders", "--scopes", "read")
    assert "delete" in idp.refused("partner", "set", "wiki", "--api", "orders", "delete")
    assert idp.refused("partner", "set", "wiki", "--scopes", "read")


def test_a_client_id_is_no_persons_id(idp):
    assert idp.refused("partner", "add-oidc", "i" + "0" * 40, *REDIRECT)
