"""Userinfo: fresh claims for a live token, and nothing else."""

from __future__ import annotations

import pytest

from tests.oidc.house import BASE, House

FORM = "application/x-www-form-urlencoded"


def token_of(house: House, scope: str = "openid profile email") -> str:
    return str(house.tokens(house.browser(house.add_person()), scope=scope)["access_token"])


def test_check_25_scope_claims_come_from_userinfo(house: House) -> None:
    ada = house.add_person()
    token = house.tokens(house.browser(ada))["access_token"]
    response = house.userinfo(token)
    assert response.get_json() == {
        "sub": ada.id,
        "name": "Ada Lovelace",
        "preferred_username": "ada",
        "email": "ada@example.com",
        "groups": ["staff"],
    }
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "application/json"


def test_only_what_was_asked_for_is_told(house: House) -> None:
    assert set(house.userinfo(token_of(house, "openid email")).get_json()) == {"sub", "email"}


def test_check_39_post_with_the_token_in_header_or_body(house: House) -> None:
    token = token_of(house)
    bearer = {"Authorization": f"bearer {token}"}
    assert house.post("/oidc/userinfo", {}, headers=bearer).status_code == 200
    assert house.post("/oidc/userinfo", {"access_token": token}).status_code == 200
    both = house.post("/oidc/userinfo", {"access_token": token}, headers=bearer)
    assert both.status_code == 400
    assert both.get_json()["error"] == "invalid_request"


def test_a_token_in_the_address_is_not_read(house: House) -> None:
    response = house.app.test_client().get("/oidc/userinfo?access_token=" + token_of(house), base_url=BASE)
    assert response.status_code == 401


def test_without_a_token_the_scheme_is_named_and_no_error(house: House) -> None:
    response = house.app.test_client().get("/oidc/userinfo", base_url=BASE)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="userinfo"'


@pytest.mark.parametrize("token", ["unknown", "x" * 5000, "a b"])
def test_check_39_a_wrong_token_is_invalid(house: House, token: str) -> None:
    response = house.userinfo(token)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert response.get_json()["error"] == "invalid_token"


def test_a_code_or_id_token_is_no_access_token(house: House) -> None:
    browser = house.browser(house.add_person())
    assert house.userinfo(house.code(browser)).status_code == 401
    assert house.userinfo(house.tokens(browser)["id_token"]).status_code == 401


def test_a_token_lives_for_an_hour(house: House) -> None:
    token = token_of(house)
    house.clock.advance(minutes=59)
    assert house.userinfo(token).status_code == 200
    house.clock.advance(minutes=2)
    assert house.userinfo(token).status_code == 401


def test_case_36_a_disabled_person_is_not_told_about(house: House) -> None:
    ada = house.add_person()
    token = house.tokens(house.browser(ada))["access_token"]
    with house.store.write() as unit:
        house.people.set_enabled(unit, ada.id, enabled=False)
    assert house.userinfo(token).status_code == 401


def test_case_22_a_disabled_client_is_not_told(house: House) -> None:
    token = token_of(house)
    house.change("wiki", enabled=False)
    assert house.userinfo(token).status_code == 401


def test_what_is_not_released_any_more_is_not_told(house: House) -> None:
    token = token_of(house)
    house.change("wiki", release=("uid",))
    assert set(house.userinfo(token).get_json()) == {"sub", "preferred_username"}


def test_after_sign_out_nothing_is_told(house: House) -> None:
    browser = house.browser(house.add_person())
    token = house.tokens(browser)["access_token"]
    browser.post("/signout", base_url=BASE)
    assert house.userinfo(token).status_code == 401
