"""The claims parameter: bounded, strict, and never more than the administrator releases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from idp.oidc import contexts, wanted
from idp.oidc.errors import OAuthError
from idp.oidc.wanted import Member, Wanted
from tests.oidc.house import House, decoded, said


@pytest.fixture
def browser(house: House) -> FlaskClient:
    return house.browser(house.add_person())


def asked(**members: Any) -> str:
    return json.dumps(members)


def test_check_26_members_are_read() -> None:
    text = asked(
        id_token={"auth_time": {"essential": True}, "acr": {"values": ["a", "b"]}},
        userinfo={"email": None, "name": {"value": "Ada"}},
        other={"ignored": 1},
    )
    assert wanted.read(text) == Wanted(
        id_token={"auth_time": Member(essential=True), "acr": Member(values=("a", "b"))},
        userinfo={"email": Member(), "name": Member(values=("Ada",))},
    )


@pytest.mark.parametrize(
    "text",
    [
        "{malformed",
        "[]",
        '"text"',
        "null",
        '{"userinfo": []}',
        '{"userinfo": {"email": true}}',
        '{"userinfo": {"email": {"essential": "yes"}}}',
        '{"userinfo": {"email": {"values": "a"}}}',
        '{"userinfo": {"email": {"value": {"deep": 1}}}}',
        '{"userinfo": {"email": {"value": NaN}}}',
        '{"userinfo": {"email": null, "email": {"value": "a"}}}',
        asked(userinfo={"email": {"values": ["a"] * 21}}),
        asked(userinfo={f"c{number}": None for number in range(61)}),
        asked(userinfo={"email": {"value": "x" * 501}}),
        '{"userinfo": {"email": {"value": 1' + "0" * 5000 + "}}}",
        '{"other": ' + "[" * 4000 + "]" * 4000 + "}",
        asked(userinfo={"x" * 9000: None}),
        asked(userinfo={"email": {"value": "\0"}}),
        asked(userinfo={"email": {"values": ["a", "\ud800"]}}),
        asked(id_token={"\ud800": None}),
    ],
)
def test_check_26_malformed_and_excessive_ones_are_refused(
    house: House, browser: FlaskClient, text: str
) -> None:
    assert said(house.authorize(browser, claims=text))["error"] == "invalid_request"


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = wanted.read(text)
    except OAuthError:
        return
    assert wanted.from_echo({"claims": wanted.to_echo(found)}) == found


def test_check_25_and_26_each_claim_comes_where_it_was_asked_for(house: House, browser: FlaskClient) -> None:
    claims = asked(
        id_token={"email": {"essential": True}, "nickname": None},
        userinfo={"name": None, "phone_number": None},
    )
    tokens = house.tokens(browser, scope="openid", claims=claims)
    id_token = decoded(tokens["id_token"])[1]
    assert id_token["email"] == "ada@example.com"
    assert not {"name", "nickname"} & set(id_token)
    assert set(house.userinfo(tokens["access_token"]).get_json()) == {"sub", "name"}


def test_a_value_that_is_not_so_is_not_told(house: House, browser: FlaskClient) -> None:
    claims = asked(userinfo={"email": {"value": "eve@example.com"}, "groups": {"values": ["staff", "x"]}})
    tokens = house.tokens(browser, scope="openid", claims=claims)
    assert set(house.userinfo(tokens["access_token"]).get_json()) == {"sub", "groups"}


def test_nothing_is_told_beyond_the_release(house: House, browser: FlaskClient) -> None:
    house.change("wiki", release=("uid",))
    both = {"email": {"essential": True}, "groups": None}
    tokens = house.tokens(browser, scope="openid", claims=asked(id_token=both, userinfo=both))
    assert not set(both) & set(decoded(tokens["id_token"])[1])
    assert set(house.userinfo(tokens["access_token"]).get_json()) == {"sub"}


def test_no_claim_is_put_in_the_protocols_place(house: House, browser: FlaskClient) -> None:
    names = {name: {"value": "evil"} for name in ("iss", "aud", "exp", "nonce", "amr")}
    id_token = decoded(house.tokens(browser, claims=asked(id_token=names))["id_token"])[1]
    assert "evil" not in id_token.values()


@pytest.mark.parametrize(
    ("acr", "stated"),
    [
        ({"essential": True, "values": [contexts.MULTIPLE]}, contexts.MULTIPLE),
        ({"essential": True, "values": ["unheard", contexts.PASSWORD]}, contexts.PASSWORD),
        ({"values": ["unheard"]}, contexts.REFEDS_MFA),
        ({"essential": True}, contexts.REFEDS_MFA),
    ],
)
def test_check_27_the_acr_claim_is_met(
    house: House, browser: FlaskClient, acr: dict[str, Any], stated: str
) -> None:
    tokens = house.tokens(browser, claims=asked(id_token={"acr": acr}))
    assert decoded(tokens["id_token"])[1]["acr"] == stated


@pytest.mark.parametrize("values", [["unheard"], ["has space"]])
def test_check_27_an_essential_acr_that_cannot_be_reached_is_an_error(
    house: House, browser: FlaskClient, values: list[str]
) -> None:
    claims = asked(id_token={"acr": {"essential": True, "values": values}})
    assert said(house.authorize(browser, claims=claims))["error"] == "unmet_authentication_requirements"


def test_check_27_an_essential_acr_that_the_person_has_nothing_for_is_an_error(house: House) -> None:
    grace = house.add_person("grace")
    house.enrol(grace)
    claims = asked(id_token={"acr": {"essential": True, "values": ["phr"]}})
    answer = said(house.authorize(house.browser(grace), claims=claims))
    assert answer["error"] == "unmet_authentication_requirements"


def test_the_answer_is_about_the_sub_that_was_asked_for(house: House) -> None:
    ada, eve = house.add_person("ada"), house.add_person("eve")
    browser = house.browser(ada)
    for place in ("id_token", "userinfo"):
        mine, hers = (asked(**{place: {"sub": {"value": one.id}}}) for one in (ada, eve))
        assert "code" in said(house.authorize(browser, prompt="none", claims=mine))
        assert said(house.authorize(browser, prompt="none", claims=hers))["error"] == "login_required"
    several = asked(id_token={"sub": {"values": [eve.id, "x"]}})
    assert said(house.authorize(browser, prompt="none", claims=several))["error"] == "login_required"
    two = asked(id_token={"sub": {"value": ada.id}}, userinfo={"sub": {"value": eve.id}})
    assert said(house.authorize(browser, claims=two))["error"] == "invalid_request"
