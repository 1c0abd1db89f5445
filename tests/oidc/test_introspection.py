"""Introspection: each API hears of its own tokens, as they are now, and of no others."""

from __future__ import annotations

import pytest

from tests.oidc.house import BASE, SECRET, House, basic
from tests.oidc.test_token import refused

ORDERS = "https://orders.example/"
NO = {"active": False}


@pytest.fixture
def apis(house: House) -> House:
    house.add_api("orders", ORDERS)
    house.add_api("stock", "https://stock.example/api", alg="ES256")
    house.add_machine()
    house.allow("wiki", may_call={"orders": ("read",)}, refresh=True)
    return house


def person_tokens(house: House, **changed: str | None) -> dict[str, str]:
    browser = house.browser(house.add_person())
    code = house.code(browser, scope="openid email read")
    return dict(house.token(code, resource=ORDERS, **changed).get_json())


def test_an_api_hears_of_a_machines_token(apis: House) -> None:
    token = apis.own_token(scope="read").get_json()["access_token"]
    now = int(apis.clock.now().timestamp())
    assert apis.introspect(token) == {
        "active": True,
        "token_type": "Bearer",
        "iss": BASE,
        "aud": ORDERS,
        "sub": "billing",
        "client_id": "billing",
        "scope": "read",
        "iat": now,
        "exp": now + 3600,
    }


def test_an_api_hears_of_a_persons_token(apis: House) -> None:
    told = apis.introspect(person_tokens(apis)["access_token"])
    assert told["active"] is True
    assert (told["client_id"], told["scope"], told["aud"]) == ("wiki", "read", ORDERS)
    assert {"sub", "auth_time", "acr", "amr"} <= set(told)
    assert not {"name", "email", "username"} & set(told)


def test_check_38_other_apis_and_other_clients_hear_nothing(apis: House) -> None:
    apis.add_client("other")
    mine = person_tokens(apis)
    for token in (mine["access_token"], mine["refresh_token"]):
        assert apis.introspect(token, by="stock") == NO
        assert apis.introspect(token, by="other") == NO


def test_the_client_that_holds_a_token_may_ask(apis: House) -> None:
    mine = person_tokens(apis)
    assert apis.introspect(mine["access_token"], by="wiki")["aud"] == ORDERS
    held = apis.introspect(mine["refresh_token"], by="wiki")
    assert (held["active"], held["scope"]) == (True, "openid email read")
    assert apis.introspect(mine["refresh_token"]) == NO


def test_a_refresh_token_that_was_turned_is_not_active(apis: House) -> None:
    mine = person_tokens(apis)
    apis.refresh(mine["refresh_token"])
    assert apis.introspect(mine["refresh_token"], by="wiki") == NO


def test_a_refresh_token_that_was_taken_back_is_not_active(apis: House) -> None:
    mine = person_tokens(apis)
    assert apis.revoke(mine["refresh_token"]).status_code == 200
    assert apis.introspect(mine["refresh_token"], by="wiki") == NO


def test_a_refresh_token_that_is_over_is_not_active(apis: House) -> None:
    mine = person_tokens(apis)
    apis.clock.advance(hours=8, seconds=1)
    assert apis.introspect(mine["refresh_token"], by="wiki") == NO


@pytest.mark.parametrize("token", ["unknown", "x.y", "x" * 20_000, "é", " "])
def test_what_is_no_token_is_not_active(apis: House, token: str) -> None:
    assert apis.introspect(token) == NO


def test_an_id_token_and_a_code_are_not_active(apis: House) -> None:
    assert apis.introspect(person_tokens(apis)["id_token"], by="wiki") == NO
    assert apis.introspect(apis.code(apis.browser(apis.add_person("eve"))), by="wiki") == NO


def test_all_that_is_not_active_looks_the_same(apis: House) -> None:
    token = apis.own_token().get_json()["access_token"]
    headers = {"Authorization": basic("stock", SECRET)}
    foreign = apis.post("/oidc/introspect", {"token": token}, headers=headers)
    unknown = apis.post("/oidc/introspect", {"token": "unknown"}, headers=headers)
    assert foreign.data == unknown.data
    assert foreign.status_code == unknown.status_code == 200
    assert foreign.headers["Cache-Control"] == "no-store"


def test_case_36_a_disabled_persons_token_is_not_active(apis: House) -> None:
    ada = apis.add_person()
    code = apis.code(apis.browser(ada), scope="openid read")
    token = apis.token(code, resource=ORDERS).get_json()["access_token"]
    assert apis.introspect(token)["active"] is True
    with apis.store.write() as unit:
        apis.people.set_enabled(unit, ada.id, enabled=False)
    assert apis.introspect(token) == NO


def test_after_sign_out_it_is_not_active(apis: House) -> None:
    browser = apis.browser(apis.add_person())
    token = apis.token(apis.code(browser, scope="openid read"), resource=ORDERS).get_json()["access_token"]
    browser.post("/signout", base_url=BASE)
    assert apis.introspect(token) == NO


def test_an_expired_token_is_not_active(apis: House) -> None:
    token = apis.own_token().get_json()["access_token"]
    apis.clock.advance(hours=1, seconds=1)
    assert apis.introspect(token) == NO


def test_a_hint_is_only_a_hint(apis: House) -> None:
    token = apis.own_token().get_json()["access_token"]
    for hint in ("refresh_token", "access_token", "something"):
        form = {"token": token, "token_type_hint": hint}
        answer = apis.post("/oidc/introspect", form, headers={"Authorization": basic("orders", SECRET)})
        assert answer.get_json()["active"] is True


def test_who_asks_must_show_who_they_are(apis: House) -> None:
    form = {"token": apis.own_token().get_json()["access_token"]}
    refused(apis.post("/oidc/introspect", form), "invalid_client")
    refused(apis.post("/oidc/introspect", {**form, "client_id": "app"}), "invalid_client")
    wrong = {"Authorization": basic("orders", "wrong-secret")}
    refused(apis.post("/oidc/introspect", form, headers=wrong), "invalid_client", 401)
    right = {"Authorization": basic("orders", SECRET)}
    refused(apis.post("/oidc/introspect", {}, headers=right), "invalid_request")


def test_scripts_of_other_sites_do_not_ask(apis: House) -> None:
    form = {"token": "x"}
    answer = apis.post("/oidc/introspect", form, headers={"Authorization": basic("orders", SECRET)})
    assert "Access-Control-Allow-Origin" not in answer.headers
