"""Sign-out started by a client: believed as far as it proves, redirected only where registered."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.oidc.house import BASE, GOODBYE, House, said


def leave(browser: FlaskClient, **values: str) -> TestResponse:
    return browser.get("/oidc/logout?" + urlencode(values), base_url=BASE)


def agree(browser: FlaskClient, asked: TestResponse) -> TestResponse:
    """Press the button of the page that asks whether to sign out."""
    assert asked.status_code == 303
    page = browser.get(asked.headers["Location"], base_url=BASE)
    form = re.search(r'<form method="post" action="(/signout[^"]*)"', page.text)
    assert form is not None
    return browser.post(unescape(form[1]), base_url=BASE)


def signed_in(house: House, browser: FlaskClient) -> bool:
    return "code" in said(house.authorize(browser, prompt="none"))


@pytest.fixture
def browser(house: House) -> FlaskClient:
    return house.browser(house.add_person())


@pytest.fixture
def hint(house: House, browser: FlaskClient) -> str:
    return str(house.tokens(browser)["id_token"])


def test_rp_initiated_logout(house: House, browser: FlaskClient, hint: str) -> None:
    house.clock.advance(hours=2)
    done = leave(browser, id_token_hint=hint, post_logout_redirect_uri=GOODBYE, state="a b&c")
    assert done.status_code == 303
    address = urlsplit(done.headers["Location"])
    assert done.headers["Location"].startswith(GOODBYE + "?")
    assert parse_qsl(address.query) == [("state", "a b&c")]
    assert not signed_in(house, browser)


def test_rp_initiated_logout_no_state(browser: FlaskClient, hint: str) -> None:
    done = leave(browser, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
    assert done.headers["Location"] == GOODBYE


@pytest.mark.parametrize(
    "address",
    [
        GOODBYE + "?extra=1",
        GOODBYE + "/",
        "https://evil.example/bye",
        "https://wiki.example.evil.example/bye",
        "https://wiki.example@evil.example/bye",
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "https://wiki.example/cb",
        "https://WIKI.example/bye",
    ],
)
def test_case_29_only_the_registered_address_is_gone_to(
    house: House, browser: FlaskClient, hint: str, address: str
) -> None:
    for sent in ({"id_token_hint": hint}, {"client_id": "wiki"}):
        response = leave(browser, **sent, post_logout_redirect_uri=address)
        assert response.status_code == 400
        assert "Location" not in response.headers
    assert signed_in(house, browser)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_rp_initiated_logout_modified_id_token_hint(
    house: House, browser: FlaskClient, hint: str, number: int
) -> None:
    head, body, signature = hint.split(".")
    forged = [
        "eyJhbGciOiJub25lIn0." + body + ".",
        head + "." + body + "." + signature[:-8] + "AAAAAAAA",
        "not-a-token",
    ][number]
    response = leave(browser, id_token_hint=forged, post_logout_redirect_uri=GOODBYE)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert signed_in(house, browser)


def test_rp_initiated_logout_no_id_token_hint(house: House, browser: FlaskClient) -> None:
    asked = leave(browser, post_logout_redirect_uri=GOODBYE, state="s")
    assert signed_in(house, browser)
    done = agree(browser, asked)
    assert done.status_code == 200
    assert GOODBYE not in done.text
    assert not signed_in(house, browser)


@pytest.mark.parametrize("sent", [{}, {"state": "s"}])
def test_rp_initiated_logout_no_params_and_only_state(
    house: House, browser: FlaskClient, sent: dict[str, str]
) -> None:
    assert agree(browser, leave(browser, **sent)).status_code == 200
    assert not signed_in(house, browser)


def test_rp_initiated_logout_no_post_logout_redirect_uri(
    house: House, browser: FlaskClient, hint: str
) -> None:
    assert leave(browser, id_token_hint=hint).status_code == 200
    assert not signed_in(house, browser)


def test_a_client_id_alone_asks_and_then_goes_to_its_address(house: House, browser: FlaskClient) -> None:
    asked = leave(browser, client_id="wiki", post_logout_redirect_uri=GOODBYE, state="s")
    assert signed_in(house, browser)
    assert agree(browser, asked).headers["Location"] == GOODBYE + "?state=s"


def test_check_40_a_hint_of_another_session_or_person_asks(house: House, hint: str) -> None:
    eve = house.browser(house.add_person("eve"))
    asked = leave(eve, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
    assert signed_in(house, eve)
    assert agree(eve, asked).headers["Location"] == GOODBYE


def test_without_a_session_there_is_nothing_to_ask(house: House, hint: str) -> None:
    stranger = house.browser()
    done = leave(stranger, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
    assert done.headers["Location"] == GOODBYE
    assert leave(stranger).status_code == 200


def test_client_id_and_hint_must_agree(house: House, browser: FlaskClient, hint: str) -> None:
    house.add_client("other")
    response = leave(browser, id_token_hint=hint, client_id="other", post_logout_redirect_uri=GOODBYE)
    assert response.status_code == 400
    assert signed_in(house, browser)


def test_check_15_repeated_parameters_are_refused(house: House, browser: FlaskClient) -> None:
    twice = browser.get("/oidc/logout?state=a&state=b", base_url=BASE)
    assert twice.status_code == 400
    assert browser.post("/oidc/logout", base_url=BASE, data={"state": ["a", "b"]}).status_code == 400


def test_a_post_from_another_site_goes_on_by_get(house: House, browser: FlaskClient, hint: str) -> None:
    values = {"id_token_hint": hint, "post_logout_redirect_uri": GOODBYE, "state": "s", "other": "x"}
    cross_site = {"Sec-Fetch-Site": "cross-site", "Origin": "https://wiki.example"}
    first = browser.post("/oidc/logout", base_url=BASE, data=values, headers=cross_site)
    assert first.status_code == 303
    location = first.headers["Location"]
    assert location.startswith("/oidc/logout?")
    assert "other" not in location
    assert browser.get(location, base_url=BASE).headers["Location"] == GOODBYE + "?state=s"
    assert not signed_in(house, browser)


def test_a_disabled_clients_address_is_not_gone_to(house: House, browser: FlaskClient, hint: str) -> None:
    house.change("wiki", enabled=False)
    response = leave(browser, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
    assert response.status_code == 400


def test_a_client_removed_while_the_person_was_asked(house: House, browser: FlaskClient) -> None:
    asked = leave(browser, client_id="wiki", post_logout_redirect_uri=GOODBYE)
    house.change("wiki", enabled=False)
    done = agree(browser, asked)
    assert done.status_code == 400
    assert "Location" not in done.headers


def test_case_29_an_address_withdrawn_while_the_person_was_asked(house: House, browser: FlaskClient) -> None:
    asked = leave(browser, client_id="wiki", post_logout_redirect_uri=GOODBYE)
    house.allow("wiki", post_logout_redirect_uris=["https://wiki.example/other"])
    done = agree(browser, asked)
    assert done.status_code == 400
    assert "Location" not in done.headers
    assert not signed_in(house, browser)


def test_ui_locales_choose_the_language_and_logout_hint_is_taken(house: House, browser: FlaskClient) -> None:
    asked = leave(browser, ui_locales="ar en", logout_hint="ada")
    question = browser.get(asked.headers["Location"], base_url=BASE)
    assert '<html lang="ar" dir="rtl"' in question.text
    assert signed_in(house, browser)
    done = agree(browser, asked)
    assert '<html lang="ar" dir="rtl"' in done.text
    assert not signed_in(house, browser)


def test_looking_signs_nobody_out(house: House, browser: FlaskClient, hint: str) -> None:
    browser.head("/oidc/logout", base_url=BASE, query_string={"id_token_hint": hint})
    assert signed_in(house, browser)
