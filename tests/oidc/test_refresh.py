"""Refresh tokens: one line a grant, turned at each use, ended by whoever uses an old one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.core.model import Person
from idp.jobs.cleanup import CleanUp
from tests.oidc.house import BASE, TEST, House, decoded, said
from tests.oidc.test_token import refused

OFFLINE = "openid email offline_access"


@pytest.fixture
def ada(house: House) -> Person:
    house.allow("wiki", refresh=True)
    house.allow("app", refresh=True)
    return house.add_person()


def online(house: House, browser: FlaskClient, **changed: str | None) -> dict[str, Any]:
    return house.tokens(browser, **changed)


def offline(house: House, ada: Person, **changed: str | None) -> dict[str, Any]:
    """Sign in with offline access, which is asked about; return the token answer."""
    browser = house.browser(ada)
    response = house.authorize(browser, scope=OFFLINE, **changed)
    said_yes = "code=" in response.headers["Location"]
    code = said(response)["code"] if said_yes else house.consent(browser, response)
    answer = house.token(code)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def again(house: House, refresh_token: str, **changed: str | None) -> dict[str, Any]:
    answer = house.refresh(refresh_token, **changed)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


# What is given --------------------------------------------------------------------------------
def test_only_a_client_that_registered_for_it_gets_one(house: House) -> None:
    browser = house.browser(house.add_person())
    assert "refresh_token" not in house.tokens(browser)
    refused(house.refresh("x.y"), "unauthorized_client")
    house.allow("wiki", refresh=True)
    assert house.tokens(browser)["refresh_token"]


def test_a_refresh_gives_new_tokens_of_the_same_sign_in(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada), nonce="the nonce")
    house.clock.advance(minutes=50)
    second = again(house, first["refresh_token"])
    assert set(second) == set(first)
    assert all(second[name] != first[name] for name in ("access_token", "refresh_token", "id_token"))
    assert (second["scope"], second["expires_in"]) == (first["scope"], 3600)
    assert house.userinfo(second["access_token"]).get_json()["sub"] == ada.id
    before, after = decoded(first["id_token"])[1], decoded(second["id_token"])[1]
    same = ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid")
    assert {name: before[name] for name in same} == {name: after[name] for name in same}
    assert after["iat"] > before["iat"]
    assert after["at_hash"] != before["at_hash"]


def test_check_37_the_id_token_of_a_refresh_has_no_nonce(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada), nonce="the nonce")
    assert decoded(first["id_token"])[1]["nonce"] == "the nonce"
    assert "nonce" not in decoded(again(house, first["refresh_token"])["id_token"])[1]


def test_check_37_scopes_only_narrow_and_come_back(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada), scope="openid email")
    wider = house.refresh(first["refresh_token"], scope="openid email profile")
    refused(wider, "invalid_scope")
    narrow = again(house, first["refresh_token"], scope="email")
    assert narrow["scope"] == "email"
    assert "id_token" not in narrow
    # The refresh token stands for all that was granted, whatever one access token was cut to.
    assert again(house, narrow["refresh_token"])["scope"] == "openid email"


def test_a_narrowed_token_opens_less(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada), scope="openid email profile")
    narrow = again(house, first["refresh_token"], scope="openid")
    assert set(house.userinfo(narrow["access_token"]).get_json()) == {"sub"}


# Turned at each use ---------------------------------------------------------------------------
def test_case_35_a_refresh_token_used_again_ends_the_family(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada))
    second = again(house, first["refresh_token"])
    third = again(house, second["refresh_token"])
    refused(house.refresh(first["refresh_token"]), "invalid_grant")
    refused(house.refresh(third["refresh_token"]), "invalid_grant")
    for answer in (first, second, third):
        assert house.userinfo(answer["access_token"]).status_code == 401
    replayed = house.events("refresh-replayed")
    assert [(row["person"], row["partner"], row["verdict"]) for row in replayed] == [
        (ada.id, "id-of-wiki", "deny")
    ]


def test_a_lost_answer_is_told_again_for_half_a_minute(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada))
    lost = again(house, first["refresh_token"])
    house.clock.advance(seconds=30)
    told = again(house, first["refresh_token"])
    assert told["refresh_token"] == lost["refresh_token"]
    assert told["access_token"] != lost["access_token"]
    assert [row["detail"]["again"] for row in house.events("grant-refreshed")] == [False, True]
    assert again(house, told["refresh_token"])


def test_half_a_minute_later_the_same_is_a_replay(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada))
    second = again(house, first["refresh_token"])
    house.clock.advance(seconds=31)
    refused(house.refresh(first["refresh_token"]), "invalid_grant")
    refused(house.refresh(second["refresh_token"]), "invalid_grant")


def test_an_answer_that_was_used_was_not_lost(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada))
    second = again(house, first["refresh_token"])
    again(house, second["refresh_token"])
    refused(house.refresh(first["refresh_token"]), "invalid_grant")
    assert house.events("refresh-replayed")


def test_of_parallel_refreshes_one_turns_and_all_are_told_the_same(house: House, ada: Person) -> None:
    token = online(house, house.browser(ada))["refresh_token"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: again(house, token), range(4)))
    assert len({answer["refresh_token"] for answer in answers}) == 1
    turned = [row["detail"]["again"] for row in house.events("grant-refreshed")]
    assert sorted(turned) == [False, True, True, True]
    again(house, answers[0]["refresh_token"])


def test_many_refreshes_leave_one_row(house: House, ada: Person) -> None:
    token = online(house, house.browser(ada))["refresh_token"]
    for _ in range(5):
        token = again(house, token)["refresh_token"]
    assert house.count("families") == 1


def test_a_copy_of_the_database_holds_no_refresh_token(house: House, ada: Person) -> None:
    token = online(house, house.browser(ada))["refresh_token"]
    later = again(house, token)["refresh_token"]
    rows = house.dump("families")
    for half in {*token.split("."), *later.split(".")}:
        assert half not in rows


# Whose it is ----------------------------------------------------------------------------------
def test_case_36_another_clients_refresh_token_is_refused_and_lives(house: House, ada: Person) -> None:
    house.add_client("other", refresh=True)
    token = online(house, house.browser(ada))["refresh_token"]
    refused(house.refresh(token, client_id="other"), "invalid_grant")
    refused(house.refresh(token, client_id="app", client_secret=None), "invalid_grant")
    again(house, token)


def test_case_33_a_refresh_needs_the_clients_secret(house: House, ada: Person) -> None:
    token = online(house, house.browser(ada))["refresh_token"]
    for secret in (None, "wrong-secret"):
        refused(house.refresh(token, client_secret=secret), "invalid_client")
    again(house, token)


def test_a_public_client_refreshes_by_the_token_alone(house: House, ada: Person) -> None:
    app = {"client_id": "app", "redirect_uri": "com.example.app:/cb"}
    location = house.authorize(house.browser(ada), **app).headers["Location"]
    code = location.partition("code=")[2].partition("&")[0]
    first = house.token(code, client_secret=None, **app).get_json()
    alone: dict[str, str | None] = {"client_id": "app", "client_secret": None}
    second = again(house, first["refresh_token"], **alone)
    assert second["refresh_token"] != first["refresh_token"]
    again(house, second["refresh_token"], **alone)
    refused(house.refresh(first["refresh_token"], **alone), "invalid_grant")


@pytest.mark.parametrize("token", ["", None, "x", "x.y", ".", "x" * 5000, "é.é"])
def test_what_is_no_refresh_token(house: House, ada: Person, token: str | None) -> None:
    response = house.refresh(token)
    refused(response, "invalid_grant" if token else "invalid_request")


def test_other_tokens_are_no_refresh_tokens(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada))
    for name in ("access_token", "id_token"):
        refused(house.refresh(first[name]), "invalid_grant")
    assert house.userinfo(first["refresh_token"]).status_code == 401
    refused(house.token(first["refresh_token"]), "invalid_grant")


# How long -------------------------------------------------------------------------------------
def test_without_offline_access_it_ends_with_the_session(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada))
    house.clock.advance(hours=7, minutes=59)
    second = again(house, first["refresh_token"])
    house.clock.advance(minutes=2)
    refused(house.refresh(second["refresh_token"]), "invalid_grant")


def test_without_offline_access_one_never_used_ends_with_the_session_too(house: House, ada: Person) -> None:
    first = online(house, house.browser(ada))
    house.clock.advance(hours=8, seconds=1)
    refused(house.refresh(first["refresh_token"]), "invalid_grant")


def test_without_offline_access_sign_out_ends_it(house: House, ada: Person) -> None:
    browser = house.browser(ada)
    first = online(house, browser)
    browser.post("/signout", base_url=BASE)
    refused(house.refresh(first["refresh_token"]), "invalid_grant")
    assert house.userinfo(first["access_token"]).status_code == 401


def test_offline_access_outlives_session_and_clean_up(house: House, ada: Person) -> None:
    token = offline(house, ada)["refresh_token"]
    for _ in range(5):
        house.clock.advance(days=29)
        CleanUp(house.store, house.clock).run()
        answer = again(house, token)
        assert answer["scope"] == OFFLINE
        assert house.userinfo(answer["access_token"]).status_code == 200
        token = answer["refresh_token"]
    house.clock.advance(days=29)
    again(house, token)
    house.clock.advance(days=29)
    refused(house.refresh(token), "invalid_grant")


def test_offline_access_outlives_sign_out(house: House, ada: Person) -> None:
    browser = house.browser(ada)
    code = house.consent(browser, house.authorize(browser, scope=OFFLINE))
    first = house.token(code).get_json()
    browser.post("/signout", base_url=BASE)
    second = again(house, first["refresh_token"])
    assert house.userinfo(second["access_token"]).status_code == 200


def test_unused_for_a_month_it_is_over(house: House, ada: Person) -> None:
    token = offline(house, ada)["refresh_token"]
    house.clock.advance(days=30, seconds=1)
    refused(house.refresh(token), "invalid_grant")


# The sign-in must still hold ------------------------------------------------------------------
def test_case_36_no_refresh_for_a_disabled_person(house: House, ada: Person) -> None:
    token = offline(house, ada)["refresh_token"]
    with house.store.write() as unit:
        house.people.set_enabled(unit, ada.id, enabled=False)
    refused(house.refresh(token), "invalid_grant")


def test_case_36_no_refresh_where_the_person_may_not_enter_any_more(house: House, ada: Person) -> None:
    token = offline(house, ada)["refresh_token"]
    house.close("wiki")
    refused(house.refresh(token), "invalid_grant")


def test_case_22_no_refresh_for_a_disabled_client(house: House, ada: Person) -> None:
    token = offline(house, ada)["refresh_token"]
    house.change("wiki", enabled=False)
    refused(house.refresh(token), "invalid_client")


def test_no_refresh_once_the_client_may_not_have_any(house: House, ada: Person) -> None:
    token = offline(house, ada)["refresh_token"]
    house.allow("wiki", refresh=False)
    refused(house.refresh(token), "unauthorized_client")


def test_offline_access_is_only_for_clients_that_may_refresh(house: House, ada: Person) -> None:
    house.allow("wiki", refresh=False)
    assert "offline_access" not in house.tokens(house.browser(ada), scope=OFFLINE)["scope"]


def test_case_36_what_was_revoked_stays_revoked(house: House, ada: Person) -> None:
    """Disabling somebody, or removing a method of theirs, ends what was granted for good."""
    first, second = offline(house, ada), offline(house, ada)
    desk = house.desk()
    desk.people.disable("ada", actor=TEST)
    desk.people.enable("ada", actor=TEST)
    for answer in (first, second):
        refused(house.refresh(answer["refresh_token"]), "invalid_grant")
        assert house.userinfo(answer["access_token"]).status_code == 401


def test_case_36_a_code_not_yet_redeemed_is_revoked_with_the_rest(house: House, ada: Person) -> None:
    """Though offline access needs no session, and the person is there again."""
    browser = house.browser(ada)
    code = house.consent(browser, house.authorize(browser, scope=OFFLINE))
    desk = house.desk()
    desk.people.disable("ada", actor=TEST)
    desk.people.enable("ada", actor=TEST)
    refused(house.token(code), "invalid_grant")


def test_case_36_consent_that_was_withdrawn_ends_offline_access_for_good(house: House, ada: Person) -> None:
    first = offline(house, ada)
    house.desk().consents.withdraw("ada", "wiki", actor=TEST)
    refused(house.refresh(first["refresh_token"]), "invalid_grant")
    assert offline(house, ada)["refresh_token"]
    refused(house.refresh(first["refresh_token"]), "invalid_grant")
