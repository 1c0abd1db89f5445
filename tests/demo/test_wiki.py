"""Wiki, the OpenID Connect demo application, against a small provider."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient

from idp.demo.oidc_app import make_app
from tests.demo import oidc_provider
from tests.demo.oidc_provider import CODE, Provider

BASE = "http://127.0.0.1:8002"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with oidc_provider.running() as running:
        yield running


@pytest.fixture
def browser(provider: Provider) -> FlaskClient:
    site = make_app(provider=provider.issuer, client_id="wiki", client_secret="s3cret")
    site.testing = True
    return site.test_client()


def _ask(browser: FlaskClient, provider: Provider, ask: str = "") -> dict[str, str]:
    answer = browser.get("/login", query_string={"ask": ask}, base_url=BASE)
    assert answer.location.startswith(f"{provider.issuer}/authorize?")
    asked = dict(parse_qsl(urlsplit(answer.location).query))
    provider.nonce, provider.challenge = asked["nonce"], asked["code_challenge"]
    return asked


def _come_back(browser: FlaskClient, **parameters: str) -> tuple[int, str]:
    answer = browser.get("/callback", query_string=parameters, base_url=BASE, follow_redirects=True)
    return answer.status_code, answer.text


def _sign_in(browser: FlaskClient, provider: Provider) -> str:
    state = _ask(browser, provider)["state"]
    status, page = _come_back(browser, code=CODE, state=state, iss=provider.issuer)
    assert status == 200, page
    return page


def test_its_request_has_what_protects_it(browser: FlaskClient, provider: Provider) -> None:
    asked = _ask(browser, provider)
    assert (asked["response_type"], asked["client_id"]) == ("code", "wiki")
    assert asked["redirect_uri"] == f"{BASE}/callback"
    assert asked["code_challenge_method"] == "S256"
    assert asked["state"]
    assert asked["nonce"]
    assert "prompt" not in asked
    assert _ask(browser, provider, "again")["prompt"] == "login"
    assert _ask(browser, provider, "silent")["prompt"] == "none"
    assert _ask(browser, provider, "strong")["acr_values"] == "https://refeds.org/profile/mfa"


def test_an_answer_lets_in_and_is_shown(browser: FlaskClient, provider: Provider) -> None:
    page = _sign_in(browser, provider)
    for shown in (
        "Hello, Ada Lovelace",
        "<dd>two</dd>",
        "<dd>pwd, otp</dd>",
        "sid-1",
        "auth_time",
        "ada@example.org",
    ):
        assert shown in page


def test_an_answer_of_another_issuer_is_refused(browser: FlaskClient, provider: Provider) -> None:
    state = _ask(browser, provider)["state"]
    assert _come_back(browser, code=CODE, state=state, iss="https://other.example")[0] == 400
    assert _come_back(browser, code=CODE, state=state)[0] == 400


def test_a_foreign_state_is_refused(browser: FlaskClient, provider: Provider) -> None:
    _ask(browser, provider)
    assert _come_back(browser, code=CODE, state="foreign", iss=provider.issuer)[0] == 403


@pytest.mark.parametrize("claims", [{"nonce": "other"}, {"aud": "other"}, {"iss": "other"}, {"exp": 1}])
def test_an_id_token_that_does_not_fit_is_refused(
    browser: FlaskClient, provider: Provider, claims: dict[str, object]
) -> None:
    provider.claims = claims
    state = _ask(browser, provider)["state"]
    status, page = _come_back(browser, code=CODE, state=state, iss=provider.issuer)
    assert status in {400, 403}, page
    assert "You are not signed in" in browser.get("/", base_url=BASE).text


def test_userinfo_about_somebody_else_is_refused(browser: FlaskClient, provider: Provider) -> None:
    provider.userinfo = {"sub": "subject-2"}
    state = _ask(browser, provider)["state"]
    assert _come_back(browser, code=CODE, state=state, iss=provider.issuer)[0] == 400


def test_a_no_is_shown_by_its_code(browser: FlaskClient, provider: Provider) -> None:
    state = _ask(browser, provider, "silent")["state"]
    status, page = _come_back(browser, error="login_required", state=state, iss=provider.issuer)
    assert status == 403
    assert "did not let you in: login_required." in page


def test_free_text_in_an_error_is_not_repeated(browser: FlaskClient, provider: Provider) -> None:
    state = _ask(browser, provider)["state"]
    _, page = _come_back(browser, error="call 555-0100 now", state=state, iss=provider.issuer)
    assert "no reason given" in page
    assert "555" not in page


def test_signing_out_goes_by_the_provider(browser: FlaskClient, provider: Provider) -> None:
    _sign_in(browser, provider)
    location = browser.post("/logout", base_url=BASE).location
    asked = dict(parse_qsl(urlsplit(location).query))
    assert location.startswith(f"{provider.issuer}/logout?")
    assert asked["post_logout_redirect_uri"] == f"{BASE}/left"
    assert asked["id_token_hint"].count(".") == 2
    answer = browser.get(
        "/left", query_string={"state": asked["state"]}, base_url=BASE, follow_redirects=True
    )
    assert "You are signed out." in answer.text
    assert browser.get("/left", query_string={"state": asked["state"]}, base_url=BASE).status_code == 400


def test_a_provider_that_is_away_is_said() -> None:
    site = make_app(provider="http://127.0.0.1:1", client_id="wiki", client_secret="s3cret")
    answer = site.test_client().get("/login", base_url=BASE)
    assert answer.status_code == 503
    assert "be reached" in answer.text
