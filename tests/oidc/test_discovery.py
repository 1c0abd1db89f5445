"""Discovery says what is true, keys verify what we sign, and scripts of any origin may read."""

from __future__ import annotations

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from tests.desk.site import OWNER
from tests.oidc.house import BASE, TEST, House


def get(house: House, path: str, **headers: str) -> tuple[int, dict[str, object], dict[str, str]]:
    response = house.app.test_client().get(path, base_url=BASE, headers=headers)
    return response.status_code, response.get_json(silent=True) or {}, dict(response.headers)


def test_discovery_says_what_is_true(house: House) -> None:
    status, said, _ = get(house, "/.well-known/openid-configuration")
    assert status == 200
    assert said["issuer"] == BASE
    assert said["response_types_supported"] == ["code"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["request_uri_parameter_supported"] is False
    assert said["authorization_response_iss_parameter_supported"] is True
    assert "RS256" in said["id_token_signing_alg_values_supported"]  # type: ignore[operator]
    assert "phr" in said["acr_values_supported"]  # type: ignore[operator]
    client = house.app.test_client()
    for name, address in said.items():
        if name.endswith(("_endpoint", "jwks_uri")):
            path = str(address).removeprefix(BASE)
            assert client.options(path, base_url=BASE).status_code == 200, name


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_check_30_and_31_the_published_keys_verify_id_tokens(house: House, alg: str) -> None:
    house.add_client("either", id_token_alg=alg)
    code = house.code(house.browser(house.add_person()), client_id="either")
    token = house.token(code, client_id="either").get_json()["id_token"]
    _, keys, _ = get(house, "/oidc/jwks")
    key_set = KeySet.import_key_set(keys)  # type: ignore[arg-type]
    assert jws.deserialize_compact(token, key_set, algorithms=[alg]).payload


def test_nothing_private_is_published(house: House) -> None:
    _, keys, _ = get(house, "/oidc/jwks")
    for key in keys["keys"]:  # type: ignore[attr-defined]
        assert set(key) <= {"kty", "n", "e", "crv", "x", "y", "use", "alg", "kid"}
        assert key["use"] == "sig"


def test_check_31_a_new_key_is_published_and_the_old_one_kept(house: House) -> None:
    def kids() -> set[str]:
        return {key["kid"] for key in get(house, "/oidc/jwks")[1]["keys"]}  # type: ignore[attr-defined]

    before = kids()
    hint = house.tokens(house.browser(house.add_person()))["id_token"]
    with house.store.write() as unit:
        house.ring.rotate(unit, actor=TEST, key_set=house.issuers.default().key_set)
    assert before < kids()
    assert house.id_tokens.read(hint) is not None


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oidc/jwks"])
def test_documents_are_cached_for_a_bounded_time(house: House, path: str) -> None:
    _, _, headers = get(house, path)
    assert headers["Cache-Control"] == "public, max-age=300"
    status, body, _ = get(house, path, **{"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, {})


SPA = "https://spa.example:8443"


def preflight(house: House, path: str, origin: str = SPA) -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = house.app.test_client().options(path, base_url=BASE, headers=headers)
    assert answer.status_code == 200
    assert "Access-Control-Allow-Credentials" not in answer.headers
    return {
        name: value for name, value in answer.headers if name.startswith("Access-Control") or name == "Vary"
    }


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oidc/jwks", "/oidc/userinfo"])
def test_check_39_scripts_of_any_origin_may_call_without_cookies(house: House, path: str) -> None:
    assert preflight(house, path)["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/oidc/token", "/oidc/revoke", "/oidc/par"])
def test_check_39_clients_without_a_server_call_from_their_own_origin(house: House, path: str) -> None:
    assert preflight(house, path) == {"Vary": "Origin"}
    house.add_client(
        "spa", secret="", redirect_uris=["https://SPA.example:8443/cb", "https://spa.example:443/"]
    )
    for origin in (SPA, "https://spa.example"):
        assert preflight(house, path, origin)["Access-Control-Allow-Origin"] == origin
    for foreign in ("https://spa.example:8444", "http://spa.example:8443", "null", "https://evil.example"):
        assert preflight(house, path, foreign) == {"Vary": "Origin"}
    assert preflight(house, path, "https://wiki.example") == {"Vary": "Origin"}, "it has a server"
    house.change("spa", enabled=False)
    assert preflight(house, path) == {"Vary": "Origin"}


def test_check_39_errors_of_the_token_endpoint_can_be_read_by_its_client(house: House) -> None:
    house.add_client("spa", secret="", redirect_uris=[SPA + "/cb"])
    answer = house.post("/oidc/token", {"grant_type": "x", "client_id": "spa"}, headers={"Origin": SPA})
    assert answer.status_code == 400
    assert answer.headers["Access-Control-Allow-Origin"] == SPA


def test_check_39_introspection_is_for_servers(house: House) -> None:
    house.add_client("spa", secret="", redirect_uris=[SPA + "/cb"])
    assert preflight(house, "/oidc/introspect") == {}


@pytest.mark.parametrize("path", ["/oidc/authorize", "/oidc/logout"])
def test_check_39_pages_are_not_for_other_origins_scripts(house: House, path: str) -> None:
    answer = house.app.test_client().get(path, base_url=BASE, headers={"Origin": "https://spa.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_pages_that_may_use_our_passkeys_are_named(house: House) -> None:
    assert get(house, "/.well-known/webauthn")[:2] == (200, {"origins": [BASE]})
    house.desk().passkeys.set(origins=["https://login.example.de"], actor=OWNER)
    assert get(house, "/.well-known/webauthn")[:2] == (200, {"origins": [BASE, "https://login.example.de"]})
    assert get(house, "/.well-known/passwords")[0] == 404
