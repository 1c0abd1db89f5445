"""Clients that show who they are by a signed assertion, and wrong ones at every address."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, RSAKey

from idp.core.ids import new_id
from idp.jobs.cleanup import CleanUp
from idp.net import HttpClient, Reach
from idp.oidc.client_request import ASSERTION
from idp.oidc.jwt import encode
from idp.partners import jwks
from tests.net.servers import says, serving
from tests.oidc.house import BASE, SECRET, House, basic, build
from tests.oidc.test_token import refused

RSA_KEY, EC_KEY = RSAKey.generate_key(2048), ECKey.generate_key("P-256")
STRANGER = ECKey.generate_key("P-256")


def public(*keys: Key, **more: str) -> str:
    return json.dumps({"keys": [{**key.as_dict(private=False), **more} for key in keys]})


@pytest.fixture
def clients(house: House) -> House:
    house.add_api("orders", "https://orders.example/")
    for name, key in (("by-rsa", RSA_KEY), ("by-ec", EC_KEY)):
        house.add_client(
            name,
            secret="",
            jwks=jwks.read(public(key)),
            redirect_uris=[],
            post_logout_redirect_uris=[],
            machine=True,
            may_call={"orders": ["read"]},
        )
    return house


def claims(house: House, client_id: str = "by-ec", **changed: Any) -> dict[str, Any]:
    now = int(house.clock.now().timestamp())
    made = {
        "iss": client_id,
        "sub": client_id,
        "aud": BASE,
        "jti": new_id(),
        "iat": now,
        "exp": now + 60,
        **changed,
    }
    return {name: value for name, value in made.items() if value is not None}


def signed(said: Mapping[str, Any], key: Key = EC_KEY, alg: str = "ES256", **header: Any) -> str:
    return jwt.encode({"alg": alg, **header}, dict(said), key, algorithms=[alg])


def send(house: House, assertion: str, **changed: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
        **changed,
    }
    return house.post("/oidc/token", form)


def by_hmac(said: Mapping[str, Any], secret: bytes) -> str:
    """Return an assertion signed with the public key as if it were a shared secret."""
    parts = [encode(json.dumps(part).encode()) for part in ({"alg": "HS256"}, said)]
    signing_input = b".".join(parts)
    signature = hmac.new(secret, signing_input, "sha256").digest()
    return (signing_input + b"." + encode(signature)).decode()


# Accepted -------------------------------------------------------------------------------------
@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_an_rsa_key_signs_either_way(clients: House, alg: str) -> None:
    answer = send(clients, signed(claims(clients, "by-rsa"), RSA_KEY, alg))
    assert answer.get_json()["scope"] == "read"


@pytest.mark.parametrize("audience", [BASE, BASE + "/oidc/token", BASE + "/oidc/par"])
@pytest.mark.parametrize("header", [{}, {"typ": "JWT"}, {"typ": "client-authentication+jwt"}])
def test_check_35_issuer_token_and_push_endpoint_are_audiences(
    clients: House, audience: str, header: dict[str, str]
) -> None:
    assertion = signed(claims(clients, aud=audience), **header)
    assert send(clients, assertion).status_code == 200
    assertion = signed(claims(clients, aud=audience), **header)
    assert send(clients, assertion, client_id="by-ec").status_code == 200


def test_clocks_may_differ_by_a_minute(clients: House) -> None:
    now = int(clients.clock.now().timestamp())
    assert send(clients, signed(claims(clients, iat=now + 59, nbf=now + 59))).status_code == 200
    assert send(clients, signed(claims(clients, exp=now - 59))).status_code == 200


def test_it_works_at_every_address_that_clients_post_to(clients: House) -> None:
    token = send(clients, signed(claims(clients))).get_json()["access_token"]
    for path in ("/oidc/introspect", "/oidc/revoke"):
        form = {"client_assertion_type": ASSERTION, "token": token}
        answer = clients.post(path, {**form, "client_assertion": signed(claims(clients))})
        assert answer.status_code == 200


# Keys at an address of the client's own --------------------------------------------------------------
@pytest.fixture
def published(prepared: Path, tmp_path: Path) -> Iterator[tuple[House, list[str]]]:
    """Give a client that publishes its keys; what it publishes can be changed."""
    house = build(prepared, tmp_path / "near", http=HttpClient(Reach.of(loopback=True)))
    texts = [public(EC_KEY, kid="one")]

    def talk(connection: socket, request: bytes) -> None:
        says(texts[-1].encode())(connection, request)

    with serving(talk) as served:
        house.add_api("orders", "https://orders.example/")
        machine = {"machine": True, "may_call": {"orders": ["read"]}}
        address = f"http://127.0.0.1:{served.port}/jwks"
        house.add_client(
            "far", secret="", jwks_uri=address, redirect_uris=[], post_logout_redirect_uris=[], **machine
        )
        yield house, texts
    house.store.dispose()


def test_published_keys_are_followed(published: tuple[House, list[str]]) -> None:
    house, texts = published
    assert send(house, signed(claims(house, "far"), kid="one")).status_code == 200
    texts.append(public(STRANGER, kid="two"))
    house.clock.advance(minutes=4)
    assert send(house, signed(claims(house, "far"), STRANGER, kid="two")).status_code == 200
    refused(send(house, signed(claims(house, "far"), kid="one")), "invalid_client")


def test_a_client_with_published_keys_is_not_public(published: tuple[House, list[str]]) -> None:
    house, _ = published
    form = {"grant_type": "client_credentials", "client_id": "far"}
    refused(house.post("/oidc/token", form), "invalid_client")
    refused(house.post("/oidc/introspect", {"client_id": "far", "token": "x"}), "invalid_client")
    refused(send(house, signed(claims(house, "far"), STRANGER, kid="one")), "invalid_client")


@pytest.mark.parametrize(
    "changed", [{"sub": "other"}, {"aud": "https://other.example"}, {"exp": 5}, {"jti": None}]
)
def test_nobody_is_asked_for_the_key_of_what_is_wrong_anyway(
    prepared: Path, tmp_path: Path, changed: dict[str, Any]
) -> None:
    house = build(prepared, tmp_path / "near", http=HttpClient(Reach.of(loopback=True)))
    with serving(says(public(EC_KEY).encode())) as served:
        house.add_client("far", secret="", jwks_uri=f"http://127.0.0.1:{served.port}/jwks")
        refused(send(house, signed(claims(house, "far", **changed))), "invalid_client")
        refused(send(house, signed(claims(house, "far"), typ="at+jwt")), "invalid_client")
        assert served.requests == []
    house.store.dispose()


# Once -----------------------------------------------------------------------------------------
def test_case_32_an_assertion_works_once(clients: House) -> None:
    assertion = signed(claims(clients))
    assert send(clients, assertion).status_code == 200
    refused(send(clients, assertion), "invalid_client")
    clients.clock.advance(seconds=119)
    CleanUp(clients.store, clients.clock).run()
    refused(send(clients, assertion), "invalid_client")


def test_case_32_its_id_does_not_work_in_another_assertion(clients: House) -> None:
    assert send(clients, signed(claims(clients, jti="one"))).status_code == 200
    now = int(clients.clock.now().timestamp())
    refused(send(clients, signed(claims(clients, jti="one", exp=now + 90))), "invalid_client")
    other = signed(claims(clients, "by-rsa", jti="one"), RSA_KEY, "RS256")
    assert send(clients, other).status_code == 200


def test_case_32_of_parallel_uses_one_wins(clients: House) -> None:
    assertion = signed(claims(clients))
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda _: send(clients, assertion).status_code, range(4)))
    assert statuses == [200, 400, 400, 400]


def test_what_was_used_is_forgotten_once_it_could_not_be_sent_again(clients: House) -> None:
    send(clients, signed(claims(clients)))
    clients.clock.advance(seconds=121)
    CleanUp(clients.store, clients.clock).run()
    assert clients.count("spent") == 0


# Refused --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example"},
        {"aud": BASE + "/"},
        {"aud": BASE.upper()},
        {"aud": BASE + "/oidc/authorize"},
        {"aud": [BASE]},
        {"aud": [BASE, "https://other.example"]},
        {"aud": None},
        {"aud": {}},
        {"iss": "by-rsa"},
        {"sub": "by-rsa"},
        {"sub": None},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 300},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": -1},
    ],
)
def test_case_32_what_an_assertion_must_say(clients: House, changed: dict[str, Any]) -> None:
    said = json.dumps(claims(clients, **changed))
    assertion = jws.serialize_compact({"alg": "ES256"}, said, EC_KEY, algorithms=["ES256"])
    refused(send(clients, assertion), "invalid_client")


@pytest.mark.parametrize(("name", "seconds"), [("exp", -61), ("exp", 3700), ("nbf", 61), ("iat", 61)])
def test_check_35_it_is_short_and_of_now(clients: House, name: str, seconds: int) -> None:
    now = int(clients.clock.now().timestamp())
    refused(send(clients, signed(claims(clients, **{name: now + seconds}))), "invalid_client")


def test_case_31_no_algorithm_but_the_keys_own(clients: House) -> None:
    said = claims(clients, "by-rsa")
    pem = RSA_KEY.as_pem(private=False)
    for secret in (pem, b"\n" + pem, b""):
        refused(send(clients, by_hmac(said, secret)), "invalid_client")
    body = signed(said, RSA_KEY, "RS256").split(".")[1]
    refused(send(clients, "eyJhbGciOiJub25lIn0." + body + "."), "invalid_client")
    refused(send(clients, signed(said, RSA_KEY, "RS512")), "invalid_client")
    refused(send(clients, signed(said, EC_KEY)), "invalid_client")


def test_case_31_no_key_of_the_senders_choice(clients: House) -> None:
    jwk = STRANGER.as_dict(private=False)
    for header in ({}, {"jwk": jwk}, {"kid": jwk.get("kid", "x")}, {"jku": "https://evil.example/jwks"}):
        forged = jws.serialize_compact({"alg": "ES256", **header}, json.dumps(claims(clients)), STRANGER)
        refused(send(clients, forged), "invalid_client")


def test_case_31_another_kind_of_token_is_no_assertion(clients: House) -> None:
    for typ in ("at+jwt", "logout+jwt", "dpop+jwt"):
        refused(send(clients, signed(claims(clients), typ=typ)), "invalid_client")


def test_a_key_that_is_registered_for_one_algorithm_keeps_to_it(house: House) -> None:
    (key,) = jwks.read(public(RSA_KEY, alg="PS256"))
    house.add_client("strict", secret="", jwks=(key,))
    form = {"grant_type": "authorization_code", "code": "c"}
    strict = send(house, signed(claims(house, "strict"), RSA_KEY, "RS256"), **form)
    refused(strict, "invalid_client")
    refused(send(house, signed(claims(house, "strict"), RSA_KEY, "PS256"), **form), "invalid_grant")


def test_another_clients_name_beside_it_is_refused(clients: House) -> None:
    refused(send(clients, signed(claims(clients)), client_id="by-rsa"), "invalid_client")


def test_one_way_only(clients: House) -> None:
    refused(send(clients, signed(claims(clients)), client_secret=SECRET), "invalid_request")
    form = {"grant_type": "client_credentials", "client_id": "by-ec"}
    refused(clients.post("/oidc/token", form), "invalid_client")
    refused(clients.post("/oidc/token", {**form, "client_secret": SECRET}), "invalid_client")
    refused(send(clients, signed(claims(clients, "wiki"))), "invalid_client")
    odd = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}
    refused(send(clients, signed(claims(clients)), **odd), "invalid_client")


@pytest.mark.parametrize(
    "assertion", ["x", "..", "a.b.c", "e30.e30.", "e30.W10.x", "é.é.é", "x" * 9000, "e30.e30.e30.e30.e30"]
)
def test_what_is_no_assertion(clients: House, assertion: str) -> None:
    refused(send(clients, assertion), "invalid_client")


# Wrong ones are counted -----------------------------------------------------------------------
def wrong(house: House, times: int, **extra: Any) -> None:
    for _ in range(times):
        refused(house.token("c", client_secret="wrong-secret"), "invalid_client", **extra)


def test_wrong_secrets_are_recorded(house: House) -> None:
    wrong(house, 2)
    rows = house.events("client-refused")
    assert [(row["partner"], row["reason"]) for row in rows] == [("id-of-wiki", "wrong")] * 2
    assert rows[0]["detail"] == {"method": "client_secret_post"}
    assert "wrong-secret" not in str(rows)


def test_after_many_wrong_ones_the_right_one_is_refused_from_there(house: House) -> None:
    wrong(house, 20)
    refused(house.refresh("x.y"), "invalid_client")
    assert len(house.events("client-refused")) == 20
    assert house.events("client-refused")[-1]["reason"] == "locked"
    house.clock.advance(minutes=16)
    refused(house.refresh("x.y"), "unauthorized_client")


def test_nobody_locks_a_client_out_elsewhere(house: House) -> None:
    wrong(house, 25)
    elsewhere = house.app.test_client().post(
        "/oidc/introspect",
        base_url=BASE,
        data={"token": "x"},
        headers={"Authorization": basic("wiki", SECRET)},
        environ_overrides={"REMOTE_ADDR": "203.0.113.9"},
    )
    assert elsewhere.get_json() == {"active": False}


def test_unknown_clients_fill_no_record(house: House) -> None:
    for _ in range(3):
        refused(house.token("c", client_id="unknown"), "invalid_client")
    assert house.events("client-refused") == []


# Odd JSON -------------------------------------------------------------------------------------
@pytest.mark.parametrize("crit", [5, None, [1], [["b64"]], ["b64"], ["exp"], {"a": 1}])
def test_an_extension_that_a_header_demands_is_refused_unsigned(clients: House, crit: object) -> None:
    """The library that reads it expects a list of names, and anybody can send something else."""
    head = {"alg": "ES256", "crit": crit}
    assertion = b".".join([*(encode(json.dumps(part).encode()) for part in (head, claims(clients))), b"AAAA"])
    refused(send(clients, assertion.decode()), "invalid_client")


@pytest.mark.parametrize("changed", [{"jti": "\ud800"}, {"iss": "\ud800"}, {"\udfff": 1}])
def test_halves_of_characters_in_claims_are_refused(clients: House, changed: dict[str, Any]) -> None:
    said = json.dumps(claims(clients, **changed))
    assertion = jws.serialize_compact({"alg": "ES256"}, said, EC_KEY, algorithms=["ES256"])
    refused(send(clients, assertion), "invalid_client")
