"""The token endpoint: each code once, to its client, with its verifier, while the sign-in holds."""

from __future__ import annotations

import logging
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from idp.oidc import contexts
from tests.oidc.house import BASE, CALLBACK, SECRET, VERIFIER, House, basic, decoded


def refused(response: TestResponse, error: str, status: int = 400) -> None:
    assert response.status_code == status, response.text
    assert response.get_json()["error"] == error
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "application/json"


def code_of(house: House, **changed: str | None) -> str:
    return house.code(house.browser(house.add_person()), **changed)


# What is told ---------------------------------------------------------------------------------
def test_the_token_answer(house: House) -> None:
    response = house.token(code_of(house))
    answer = response.get_json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert answer["scope"] == "openid profile email"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"


def test_the_id_token_says_who_when_and_how(house: House) -> None:
    ada = house.add_person()
    browser = house.browser(ada)
    signed_in = int(house.clock.now().timestamp())
    house.clock.advance(minutes=30)
    answer = house.tokens(browser, nonce="the nonce")
    header, claims = decoded(answer["id_token"])
    now = int(house.clock.now().timestamp())
    half = b64encode(sha256(answer["access_token"].encode()).digest()[:16], b"-_").decode().rstrip("=")
    sid = claims.pop("sid")
    assert claims == {
        "iss": BASE,
        "sub": ada.id,
        "aud": "wiki",
        "exp": now + 3600,
        "iat": now,
        "auth_time": signed_in,
        "nonce": "the nonce",
        "acr": contexts.REFEDS_MFA,
        "amr": ["pwd", "otp", "mfa"],
        "at_hash": half,
    }
    assert sid
    assert (header["alg"], header["typ"]) == ("RS256", "JWT")
    assert header["kid"] in {key.kid for key in house.ring.published(house.issuers.default().key_set)}


def test_check_21_auth_time_and_sid_are_stable_over_single_sign_on(house: House) -> None:
    browser = house.browser(house.add_person())
    first = decoded(house.tokens(browser)["id_token"])[1]
    house.clock.advance(minutes=30)
    second = decoded(house.tokens(browser)["id_token"])[1]
    assert (first["auth_time"], first["sid"]) == (second["auth_time"], second["sid"])
    assert second["iat"] > first["iat"]
    assert "nonce" not in first


def test_check_30_es256_only_for_the_client_that_registered_it(house: House) -> None:
    house.add_client("modern", id_token_alg="ES256")
    browser = house.browser(house.add_person())
    modern = house.token(house.code(browser, client_id="modern"), client_id="modern").get_json()
    assert decoded(modern["id_token"])[0]["alg"] == "ES256"
    assert decoded(house.tokens(browser)["id_token"])[0]["alg"] == "RS256"


def test_check_27_the_acr_answers_what_was_asked(house: House) -> None:
    browser = house.browser(house.add_person())
    asked = house.tokens(browser, acr_values=f"urn:unknown {contexts.MULTIPLE}")
    assert decoded(asked["id_token"])[1]["acr"] == contexts.MULTIPLE


def test_unknown_scopes_are_not_granted(house: House) -> None:
    browser = house.browser(house.add_person())
    assert house.tokens(browser, scope="offline_access email openid x")["scope"] == "openid email"


def test_no_token_code_or_secret_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    code = code_of(house)
    answer = house.token(code).get_json()
    house.token(code)
    for secret in (code, answer["access_token"], answer["id_token"], SECRET, VERIFIER):
        assert secret not in caplog.text


# Each code once -------------------------------------------------------------------------------
def test_case_35_a_code_used_twice_revokes_what_it_gave(house: House) -> None:
    code = code_of(house)
    token = house.token(code).get_json()["access_token"]
    assert house.userinfo(token).status_code == 200
    refused(house.token(code), "invalid_grant")
    assert house.userinfo(token).status_code == 401
    refused(house.token(code), "invalid_grant")


def test_case_35_of_parallel_redemptions_at_most_one_wins(house: House) -> None:
    code = code_of(house)
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: house.token(code).status_code, range(4)))
    assert sorted(statuses)[1:] == [400, 400, 400]
    assert min(statuses) == 200


def test_case_35_a_code_belongs_to_its_client(house: House) -> None:
    house.add_client("other")
    code = code_of(house)
    refused(house.token(code, client_id="other"), "invalid_grant")
    assert house.token(code).status_code == 200


@pytest.mark.parametrize("address", [None, "", CALLBACK + "/", "https://evil.example/cb"])
def test_case_35_a_code_belongs_to_its_redirect_uri(house: House, address: str | None) -> None:
    code = code_of(house)
    refused(house.token(code, redirect_uri=address), "invalid_grant")
    refused(house.token(code), "invalid_grant")


def test_check_07_the_loopback_port_must_be_the_same_at_the_token_endpoint(house: House) -> None:
    app = {"client_id": "app", "redirect_uri": "http://127.0.0.1:50000/cb"}
    browser = house.browser(house.add_person())

    def a_code() -> str:
        location = house.authorize(browser, **app).headers["Location"]
        return location.partition("code=")[2].partition("&")[0]

    fine = house.token(a_code(), client_secret=None, **app)
    assert fine.status_code == 200
    moved = {**app, "redirect_uri": "http://127.0.0.1:50001/cb"}
    refused(house.token(a_code(), client_secret=None, **moved), "invalid_grant")


def test_a_code_lives_for_a_minute(house: House) -> None:
    code = code_of(house)
    house.clock.advance(seconds=61)
    refused(house.token(code), "invalid_grant")


@pytest.mark.parametrize("code", ["", None, "unknown", "x" * 5000, "\u00e9"])
def test_what_is_no_code(house: House, code: str | None) -> None:
    response = house.token("placeholder", code=code)
    refused(response, "invalid_grant" if code else "invalid_request")


# PKCE -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("verifier", [None, "", "w" * 43, "v" * 42, "v" * 44, VERIFIER + "\n", "\u00e9" * 43])
def test_case_30_a_code_needs_its_verifier(house: House, verifier: str | None) -> None:
    code = code_of(house)
    refused(house.token(code, code_verifier=verifier), "invalid_grant")
    refused(house.token(code), "invalid_grant")


def test_case_30_the_challenge_itself_is_no_verifier(house: House) -> None:
    code = code_of(house)
    refused(house.token(code, code_verifier="7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"), "invalid_grant")


def test_case_30_a_verifier_without_a_challenge_is_refused(house: House) -> None:
    house.add_client("old", require_pkce=False)
    browser = house.browser(house.add_person())
    plain = {"client_id": "old", "nonce": "n", "code_challenge": None, "code_challenge_method": None}
    refused(house.token(house.code(browser, **plain), client_id="old"), "invalid_grant")
    fine = house.token(house.code(browser, **plain), client_id="old", code_verifier=None)
    assert fine.status_code == 200


# Clients --------------------------------------------------------------------------------------
def test_check_34_basic(house: House) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": code_of(house),
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    wrong = house.post("/oidc/token", form, headers={"Authorization": basic("wiki", "wrong-secret")})
    refused(wrong, "invalid_client", 401)
    assert wrong.headers["WWW-Authenticate"].startswith("Basic ")
    garbled = house.post("/oidc/token", form, headers={"Authorization": "Basic !!"})
    refused(garbled, "invalid_client", 401)
    assert garbled.headers["WWW-Authenticate"].startswith("Basic ")
    fine = house.post("/oidc/token", form, headers={"Authorization": basic("wiki", SECRET)})
    assert fine.status_code == 200


@pytest.mark.parametrize("secret", [None, "", "wrong-secret", SECRET + " ", SECRET.upper()])
def test_case_33_a_confidential_client_needs_its_secret(house: House, secret: str | None) -> None:
    code = code_of(house)
    refused(house.token(code, client_secret=secret), "invalid_client")
    assert house.token(code).status_code == 200


def test_case_33_a_public_client_has_no_secret_to_be_right(house: House) -> None:
    browser = house.browser(house.add_person())
    app = {"client_id": "app", "redirect_uri": "com.example.app:/cb"}
    location = house.authorize(browser, **app).headers["Location"]
    code = location.partition("code=")[2].partition("&")[0]
    refused(house.token(code, client_secret="anything-at-all", **app), "invalid_client")
    with_basic = house.post("/oidc/token", {"grant_type": "authorization_code", "code": code, **app})
    refused(with_basic, "invalid_grant")


def test_case_33_a_failed_method_never_falls_back_to_a_weaker_one(house: House) -> None:
    form = {"grant_type": "authorization_code", "code": "c", "client_id": "app"}
    for secret in ("", "x"):
        headers = {"Authorization": basic("app", secret)}
        refused(house.post("/oidc/token", form, headers=headers), "invalid_client", 401)


def test_an_unknown_client_is_refused_like_a_wrong_secret(house: House) -> None:
    unknown, wrong = house.token("c", client_id="unknown"), house.token("c", client_secret="wrong-secret")
    refused(unknown, "invalid_client")
    assert unknown.data == wrong.data


def test_check_32_the_address_is_no_place_for_parameters(house: House) -> None:
    refused(house.post("/oidc/token?client_secret=" + SECRET, {}), "invalid_request")


def test_a_large_body_is_refused(house: House) -> None:
    response = house.post("/oidc/token", {"code": "c" * 40_000})
    assert response.status_code == 413
    assert response.get_json()["error"] == "invalid_request"


def test_only_post_is_answered(house: House) -> None:
    response = house.app.test_client().get("/oidc/token", base_url=BASE)
    assert response.status_code == 405


def test_case_43_there_is_no_password_grant(house: House) -> None:
    form = {"grant_type": "password", "username": "ada", "password": "x", "client_id": "wiki"}
    refused(house.post("/oidc/token", {**form, "client_secret": SECRET}), "unsupported_grant_type")


# The sign-in must still hold ------------------------------------------------------------------
def test_case_22_a_client_disabled_meanwhile_gets_nothing(house: House) -> None:
    code = code_of(house)
    house.change("wiki", enabled=False)
    refused(house.token(code), "invalid_client")


def test_case_36_a_person_disabled_meanwhile_gets_nothing(house: House) -> None:
    """Nor later: the code was shown, and is used up."""
    ada = house.add_person()
    code = house.code(house.browser(ada))
    for enabled in (False, True):
        with house.store.write() as unit:
            house.people.set_enabled(unit, ada.id, enabled=enabled)
        refused(house.token(code), "invalid_grant")


def test_case_36_a_person_who_may_not_enter_any_more_gets_nothing(house: House) -> None:
    code = code_of(house)
    house.close("wiki")
    refused(house.token(code), "invalid_grant")


def test_a_person_who_signed_out_meanwhile_gets_nothing(house: House) -> None:
    browser = house.browser(house.add_person())
    code = house.code(browser)
    assert browser.post("/signout", base_url=BASE).status_code == 200
    refused(house.token(code), "invalid_grant")


# Any input ------------------------------------------------------------------------------------
_NAMES = ["grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier", "scope"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    values=st.dictionaries(st.sampled_from(_NAMES), st.text(max_size=20)),
    authorization=st.just("") | st.binary(max_size=20).map(lambda data: "Basic " + b64encode(data).decode()),
)
def test_any_request_is_answered_as_json(house: House, values: dict[str, str], authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    form = {"grant_type": "authorization_code", "client_id": "wiki", **values}
    response = house.post("/oidc/token", form, headers=headers)
    assert response.status_code in {400, 401}
    assert response.get_json()["error"] in {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unsupported_grant_type",
    }
