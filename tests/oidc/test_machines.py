"""Tokens of machines' own: for the APIs they were registered for, and never about a person."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.jobs.cleanup import CleanUp
from tests.oidc.house import BASE, SECRET, House, decoded
from tests.oidc.test_token import refused

ORDERS, STOCK = "https://orders.example/", "https://stock.example/api"


@pytest.fixture
def apis(house: House) -> House:
    house.add_api("orders", ORDERS)
    house.add_api("stock", STOCK, ["look"], alg="ES256")
    house.add_machine("billing", orders=["read", "write"], stock=["look"])
    return house


def keys(house: House) -> KeySet:
    return KeySet.import_key_set(house.app.test_client().get("/oidc/jwks", base_url=BASE).get_json())


def test_a_machine_gets_an_opaque_token_for_its_api(apis: House) -> None:
    response = apis.own_token(resource=ORDERS)
    answer = response.get_json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
    assert (answer["scope"], answer["expires_in"], answer["token_type"]) == ("read write", 3600, "Bearer")
    assert "." not in answer["access_token"]
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_an_api_that_reads_tokens_gets_signed_ones(house: House, alg: str) -> None:
    house.add_api("stock", STOCK, ["look"], alg=alg)
    house.add_machine("billing", stock=["look"])
    answer = house.own_token().get_json()
    assert answer["expires_in"] == 600
    token = jwt.decode(answer["access_token"], keys(house), algorithms=[alg])
    assert (token.header["typ"], token.header["alg"]) == ("at+jwt", alg)
    now = int(house.clock.now().timestamp())
    assert token.claims.pop("jti")
    assert token.claims == {
        "iss": BASE,
        "aud": STOCK,
        "sub": "billing",
        "client_id": "billing",
        "iat": now,
        "exp": now + 600,
        "scope": "look",
    }


def test_a_single_api_needs_no_resource_and_several_do(apis: House) -> None:
    refused(apis.own_token(), "invalid_target")
    apis.add_machine("printer", orders=["read"])
    assert apis.own_token("printer").get_json()["scope"] == "read"


def test_a_machine_asks_for_less_and_never_for_more(apis: House) -> None:
    assert apis.own_token(resource=ORDERS, scope="write").get_json()["scope"] == "write"
    for scope in ("read delete", "look", "openid", "offline_access"):
        refused(apis.own_token(resource=ORDERS, scope=scope), "invalid_scope")


@pytest.mark.parametrize("resource", ["https://orders.example", "https://evil.example/", "orders", BASE])
def test_another_resource_is_refused(apis: House, resource: str) -> None:
    refused(apis.own_token(resource=resource), "invalid_target")


def test_an_api_that_is_switched_off_gets_no_tokens(apis: House) -> None:
    apis.change("stock", enabled=False)
    refused(apis.own_token(resource=STOCK), "invalid_target")
    assert apis.own_token().get_json()["scope"] == "read write"


def test_a_scope_that_the_api_lost_is_not_given(apis: House) -> None:
    apis.allow("orders", scopes=("read",))
    assert apis.own_token(resource=ORDERS).get_json()["scope"] == "read"


def test_only_machines_get_such_tokens(apis: House) -> None:
    form = {"client_id": "wiki", "client_secret": SECRET}
    refused(apis.own_token(**form), "unauthorized_client")
    refused(apis.own_token("app", client_secret=None), "unauthorized_client")
    refused(apis.own_token("orders"), "unauthorized_client")


@pytest.mark.parametrize("secret", [None, "", "wrong-secret"])
def test_case_33_a_machine_needs_its_secret(apis: House, secret: str | None) -> None:
    refused(apis.own_token(resource=ORDERS, client_secret=secret), "invalid_client")


def test_a_machine_is_nobody_at_userinfo(apis: House) -> None:
    for resource in (ORDERS, STOCK):
        token = apis.own_token(resource=resource).get_json()["access_token"]
        assert apis.userinfo(token).status_code == 401


def test_a_machine_signs_nobody_in(apis: House) -> None:
    asked = apis.authorize(apis.browser(), client_id="billing")
    assert asked.status_code == 400
    refused(apis.token("a-code", client_id="billing"), "unauthorized_client")


def test_case_37_a_machine_that_was_switched_off_is_refused_everywhere(apis: House) -> None:
    token = apis.own_token(resource=ORDERS).get_json()["access_token"]
    apis.change("billing", enabled=False)
    assert apis.introspect(token) == {"active": False}
    refused(apis.own_token(resource=ORDERS), "invalid_client")


def test_it_is_recorded_without_a_person(apis: House) -> None:
    apis.own_token(resource=ORDERS, scope="read")
    (row,) = apis.events("token-issued")
    assert (row["person"], row["partner"], row["event_id"]) == ("", "id-of-billing", 1200)
    assert row["detail"] == {"door": "oidc", "machine": True, "scope": "read", "audience": ORDERS}


def test_expired_tokens_are_cleaned_up(apis: House) -> None:
    apis.own_token(resource=ORDERS)
    apis.own_token(resource=STOCK)
    apis.clock.advance(minutes=11)
    CleanUp(apis.store, apis.clock).run()
    assert apis.count("tokens") == 1


# For a person -----------------------------------------------------------------------------------
def person_tokens(house: House, **changed: str | None) -> dict[str, str]:
    house.allow("wiki", may_call={"orders": ("read",), "stock": ("look",)}, refresh=True)
    browser = house.browser(house.add_person())
    scope = changed.pop("scope", "openid read look profile")
    answer = house.token(house.code(browser, scope=scope, **changed), **changed)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_one_token_is_for_one_audience(apis: House) -> None:
    """A token for an API opens no userinfo, and one for userinfo no API."""
    mine = person_tokens(apis)
    assert mine["scope"] == "openid profile"
    assert apis.userinfo(mine["access_token"]).status_code == 200
    assert apis.introspect(mine["access_token"]) == {"active": False}
    theirs = apis.refresh(mine["refresh_token"], resource=ORDERS).get_json()
    assert theirs["scope"] == "read"
    assert apis.userinfo(theirs["access_token"]).status_code == 401
    assert apis.introspect(theirs["access_token"])["aud"] == ORDERS
    assert apis.introspect(theirs["access_token"], by="stock") == {"active": False}


def test_a_signed_token_says_who_and_how(apis: House) -> None:
    answer = person_tokens(apis, resource=STOCK)
    claims = jwt.decode(answer["access_token"], keys(apis), algorithms=["ES256"]).claims
    id_token = decoded(answer["id_token"])[1]
    assert claims["sub"] == id_token["sub"]
    assert (claims["aud"], claims["client_id"], claims["scope"]) == (STOCK, "wiki", "look")
    for name in ("auth_time", "acr", "amr", "iss"):
        assert claims[name] == id_token[name]
    assert not {"name", "email", "sid", "nonce"} & set(claims)


def test_the_resource_of_the_sign_in_binds_its_tokens(apis: House) -> None:
    apis.allow("wiki", may_call={"orders": ("read",), "stock": ("look",)}, refresh=True)
    browser = apis.browser(apis.add_person())
    bound = {"scope": "openid read look", "resource": ORDERS}
    answer = apis.token(apis.code(browser, **bound)).get_json()
    assert answer["scope"] == "read"
    refused(apis.refresh(answer["refresh_token"], resource=STOCK), "invalid_target")
    refused(apis.token(apis.code(browser, **bound), resource=STOCK), "invalid_target")


def test_another_resource_is_refused_at_authorize_too(apis: House) -> None:
    answer = apis.authorize(apis.browser(), resource="https://evil.example/")
    assert "error=invalid_target" in answer.headers["Location"]


def test_case_31_a_signed_access_token_is_no_id_token_hint(apis: House) -> None:
    token = person_tokens(apis, resource=STOCK)["access_token"]
    assert apis.id_tokens.read(token) is None


def test_a_forged_token_is_looked_up_and_not_found(apis: House) -> None:
    """At our own addresses nothing is read out of a token: what was not kept does not exist."""
    real = apis.own_token(resource=STOCK).get_json()["access_token"]
    head, body, signature = real.split(".")
    none = urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
    for forged in (f"{none}.{body}.", f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA"):
        assert apis.introspect(forged, by="stock") == {"active": False}
    assert apis.introspect(real, by="stock")["active"] is True
