"""The OpenID Foundation's Basic and Form Post plans, module by module, under their names."""

from __future__ import annotations

from html import unescape
from re import findall

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.oidc.house import BASE, CALLBACK, SECRET, TEST, VERIFIER, House, asking, basic, decoded, said


@pytest.fixture
def browser(house: House) -> FlaskClient:
    """Return a browser in which ada signed in with password and code."""
    house.enrol(house.add_person())
    browser = house.browser()
    assert "code" in said(house.walk(browser, house.authorize(browser)))
    house.clock.advance(minutes=2)
    return browser


def id_token(house: House, answer: dict[str, str]) -> dict[str, object]:
    response = house.token(answer["code"])
    assert response.status_code == 200
    return decoded(response.get_json()["id_token"])[1]


def test_oidcc_server(house: House) -> None:
    person = house.add_person()
    house.enrol(person)
    browser = house.browser()
    answer = said(house.walk(browser, house.authorize(browser, nonce="n")))
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    tokens = house.post("/oidc/token", form, headers={"Authorization": basic("wiki", SECRET)}).get_json()
    claims = decoded(tokens["id_token"])[1]
    assert (claims["sub"], claims["aud"], claims["nonce"]) == (person.id, "wiki", "n")
    assert house.userinfo(tokens["access_token"]).get_json()["sub"] == person.id


def test_oidcc_server_client_secret_post(house: House, browser: FlaskClient) -> None:
    assert house.tokens(browser)


def test_oidcc_ensure_post_request_succeeds(house: House, browser: FlaskClient) -> None:
    arrived = browser.post("/oidc/authorize", base_url=BASE, data=asking())
    assert "code" in said(browser.get(arrived.headers["Location"], base_url=BASE))


def test_oidcc_alternate_happy_flow(house: House, browser: FlaskClient) -> None:
    parameters = reversed(asking(scope="email openid").items())
    response = browser.get("/oidc/authorize", base_url=BASE, query_string=dict(parameters))
    assert id_token(house, said(response))


def test_oidcc_response_type_missing(house: House, browser: FlaskClient) -> None:
    assert said(house.authorize(browser, response_type=None))["error"] == "invalid_request"


def test_oidcc_idtoken_signature(house: House, browser: FlaskClient) -> None:
    assert decoded(house.tokens(browser)["id_token"])[0]["alg"] == "RS256"


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(
    house: House, browser: FlaskClient
) -> None:
    assert "nonce" not in id_token(house, said(house.authorize(browser, nonce=None)))


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("profile", {"name", "preferred_username", "groups"}),
        ("email", {"email"}),
        ("address", set()),
        ("phone", set()),
        (
            "profile email address phone",
            {"name", "preferred_username", "groups", "email"},
        ),
    ],
)
def test_oidcc_scope(house: House, browser: FlaskClient, scope: str, expected: set[str]) -> None:
    tokens = house.tokens(browser, scope="openid " + scope)
    assert set(house.userinfo(tokens["access_token"]).get_json()) == {"sub", *expected}
    assert not expected & set(decoded(tokens["id_token"])[1])


@pytest.mark.parametrize(
    "extra",
    [
        {"display": "page"},
        {"display": "popup"},
        {"login_hint": "ada"},
        {"ui_locales": "se"},
        {"claims_locales": "se"},
        {"acr_values": "1 2"},
        {"extra": "foobar"},
        {"claims": '{"id_token":{"name":{"essential":true}}}'},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_oidcc_request_with_optional_parameters_succeeds(
    house: House, browser: FlaskClient, extra: dict[str, str]
) -> None:
    assert id_token(house, said(house.authorize(browser, **extra)))


def test_oidcc_claims_essential(house: House, browser: FlaskClient) -> None:
    claims = '{"userinfo": {"name": {"essential": true}}}'
    tokens = house.tokens(browser, scope="openid", claims=claims)
    assert house.userinfo(tokens["access_token"]).get_json()["name"] == "Ada Lovelace"


def test_oidcc_refresh_token(house: House, browser: FlaskClient) -> None:
    house.allow("wiki", refresh=True)
    away = house.authorize(browser, scope="openid offline_access", prompt="consent")
    first = house.token(house.consent(browser, away)).get_json()
    second = house.refresh(first["refresh_token"]).get_json()
    assert second["access_token"] != first["access_token"]
    before, after = (decoded(one["id_token"])[1] for one in (first, second))
    assert (after["sub"], after["iss"], after["aud"]) == (before["sub"], before["iss"], before["aud"])
    assert after["auth_time"] == before["auth_time"]
    house.add_client("second", refresh=True)
    stolen = house.refresh(second["refresh_token"], client_id="second")
    assert stolen.get_json()["error"] == "invalid_grant"


def test_oidcc_userinfo_get_post_header_and_post_body(house: House, browser: FlaskClient) -> None:
    token = house.tokens(browser)["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    answers = [
        house.userinfo(token),
        house.post("/oidc/userinfo", {}, headers=bearer),
        house.post("/oidc/userinfo", {"access_token": token}),
    ]
    assert len({answer.text for answer in answers}) == 1
    assert all(answer.status_code == 200 for answer in answers)


def test_oidcc_discovery_endpoint_verification(house: House) -> None:
    said_of = house.app.test_client().get("/.well-known/openid-configuration", base_url=BASE)
    assert said_of.mimetype == "application/json"
    document = said_of.get_json()
    assert document["issuer"] == BASE
    required = {"authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported"}
    assert required | {"subject_types_supported", "id_token_signing_alg_values_supported"} <= set(document)
    assert "RS256" in document["id_token_signing_alg_values_supported"]


def test_oidcc_server_rotate_keys(house: House, browser: FlaskClient) -> None:
    def kids() -> set[str]:
        keys = house.app.test_client().get("/oidc/jwks", base_url=BASE).get_json()["keys"]
        return {key["kid"] for key in keys}

    before = kids()
    with house.store.write() as unit:
        house.ring.rotate(unit, actor=TEST, key_set=house.issuers.default().key_set)
    assert before < kids()
    assert house.tokens(browser)


def again(house: House, browser: FlaskClient, **changed: str) -> TestResponse:
    asked = house.authorize(browser, **changed)
    assert asked.headers["Location"].startswith("/signin/")
    return house.walk(browser, asked)


@pytest.mark.parametrize("changed", [{"prompt": "login"}, {"max_age": "1"}, {"max_age": "0"}])
def test_oidcc_prompt_login_and_max_age_1(
    house: House, browser: FlaskClient, changed: dict[str, str]
) -> None:
    before = id_token(house, said(house.authorize(browser)))
    after = id_token(house, said(again(house, browser, **changed)))
    assert after["auth_time"] == int(house.clock.now().timestamp())
    assert int(str(after["auth_time"])) > int(str(before["auth_time"]))
    assert after["sub"] == before["sub"]


def test_oidcc_prompt_none_not_logged_in(house: House) -> None:
    assert said(house.authorize(house.browser(), prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("changed", [{"prompt": "none"}, {"max_age": "10000"}])
def test_oidcc_prompt_none_logged_in_and_max_age_10000(
    house: House, browser: FlaskClient, changed: dict[str, str]
) -> None:
    before = id_token(house, said(house.authorize(browser)))
    after = id_token(house, said(house.authorize(browser, **changed)))
    assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"])


def test_oidcc_id_token_hint(house: House, browser: FlaskClient) -> None:
    hint = house.tokens(browser)["id_token"]
    after = id_token(house, said(house.authorize(browser, prompt="none", id_token_hint=hint)))
    assert after["sub"] == decoded(hint)[1]["sub"]


@pytest.mark.parametrize("seconds", [1, 30])
def test_oidcc_codereuse(house: House, browser: FlaskClient, seconds: int) -> None:
    code = house.code(browser)
    token = house.token(code).get_json()["access_token"]
    house.clock.advance(seconds=seconds)
    assert house.token(code).get_json()["error"] == "invalid_grant"
    assert house.userinfo(token).status_code == 401


def test_oidcc_ensure_registered_redirect_uri(house: House, browser: FlaskClient) -> None:
    response = house.authorize(browser, redirect_uri=CALLBACK + "/other")
    assert response.status_code == 400
    assert "Location" not in response.headers


@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_oidcc_unsigned_request_object_rejected_as_unsupported(
    house: House, browser: FlaskClient, name: str
) -> None:
    response = house.authorize(browser, **{name: "https://wiki.example/request.jwt"})
    assert said(response)["error"] == f"{name}_not_supported"


def test_oidcc_ensure_request_with_valid_pkce_succeeds(house: House, browser: FlaskClient) -> None:
    assert house.tokens(browser)


def test_oidcc_formpost_server(house: House, browser: FlaskClient) -> None:
    page = house.authorize(browser, response_mode="form_post", nonce="n")
    pattern = r'<input type="hidden" name="([^"]*)" value="([^"]*)"'
    fields = {name: unescape(value) for name, value in findall(pattern, page.text)}
    assert (fields["state"], fields["iss"]) == ("the state", BASE)
    assert id_token(house, fields)["nonce"] == "n"
