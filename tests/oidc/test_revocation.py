"""Revocation: a client takes back its own tokens; of others' nothing is learned and nothing lost."""

from __future__ import annotations

import pytest

from tests.oidc.house import SECRET, House, basic
from tests.oidc.test_token import refused


@pytest.fixture
def tokens(house: House) -> dict[str, str]:
    house.allow("wiki", refresh=True)
    return dict(house.tokens(house.browser(house.add_person())))


def test_check_38_an_access_token_alone(house: House, tokens: dict[str, str]) -> None:
    assert house.revoke(tokens["access_token"]).status_code == 200
    assert house.userinfo(tokens["access_token"]).status_code == 401
    again = house.refresh(tokens["refresh_token"]).get_json()
    assert house.userinfo(again["access_token"]).status_code == 200


def test_check_38_a_refresh_token_with_all_that_came_from_it(house: House, tokens: dict[str, str]) -> None:
    again = house.refresh(tokens["refresh_token"]).get_json()
    assert house.revoke(again["refresh_token"]).status_code == 200
    for token in (tokens["access_token"], again["access_token"]):
        assert house.userinfo(token).status_code == 401
    refused(house.refresh(again["refresh_token"]), "invalid_grant")


def test_an_older_refresh_token_ends_the_family_too(house: House, tokens: dict[str, str]) -> None:
    again = house.refresh(tokens["refresh_token"]).get_json()
    house.revoke(tokens["refresh_token"])
    refused(house.refresh(again["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize("token", ["unknown", "x.y", "x" * 20_000, "é"])
def test_check_38_an_unknown_token_is_no_error(house: House, token: str) -> None:
    answer = house.revoke(token)
    assert (answer.status_code, answer.data) == (200, b"")


def test_others_tokens_stay_and_look_unknown(house: House, tokens: dict[str, str]) -> None:
    house.add_client("other")
    unknown = house.revoke("unknown", by="other")
    for name in ("access_token", "refresh_token"):
        answer = house.revoke(tokens[name], by="other")
        assert (answer.status_code, answer.data) == (unknown.status_code, unknown.data)
    assert house.userinfo(tokens["access_token"]).status_code == 200
    assert house.refresh(tokens["refresh_token"]).status_code == 200


def test_twice_is_no_error_and_recorded_once(house: House, tokens: dict[str, str]) -> None:
    for _ in range(2):
        assert house.revoke(tokens["access_token"]).status_code == 200
        assert house.revoke(tokens["refresh_token"]).status_code == 200
    rows = house.events("token-revoked")
    assert [row["detail"]["kind"] for row in rows] == ["access", "refresh"]
    assert {row["actor"] for row in rows} == {"partner:id-of-wiki"}


def test_a_machines_token(house: House) -> None:
    house.add_api("orders", "https://orders.example/", alg="RS256")
    house.add_machine()
    token = house.own_token().get_json()["access_token"]
    house.revoke(token, by="orders")
    assert house.introspect(token)["active"] is True
    house.revoke(token, by="billing")
    assert house.introspect(token) == {"active": False}


def test_a_public_client_revokes_by_the_token_alone(house: House) -> None:
    house.allow("app", refresh=True)
    app = {"client_id": "app", "redirect_uri": "com.example.app:/cb"}
    location = house.authorize(house.browser(house.add_person()), **app).headers["Location"]
    code = location.partition("code=")[2].partition("&")[0]
    mine = house.token(code, client_secret=None, **app).get_json()
    form = {"client_id": "app", "token": mine["refresh_token"], "token_type_hint": "refresh_token"}
    assert house.post("/oidc/revoke", form).status_code == 200
    refused(house.refresh(mine["refresh_token"], client_id="app", client_secret=None), "invalid_grant")


def test_who_revokes_must_show_who_they_are(house: House, tokens: dict[str, str]) -> None:
    form = {"token": tokens["access_token"]}
    refused(house.post("/oidc/revoke", form), "invalid_client")
    refused(house.post("/oidc/revoke", {**form, "client_id": "wiki"}), "invalid_client")
    refused(
        house.post("/oidc/revoke", {}, headers={"Authorization": basic("wiki", SECRET)}), "invalid_request"
    )
    assert house.userinfo(tokens["access_token"]).status_code == 200
