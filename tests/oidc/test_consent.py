"""Consent: asked where it is needed, in full, once, and good until it is taken back."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app.desk import Desk, build_desk
from idp.sessions import Consents
from tests.oidc.house import BASE, FORM, HIDDEN, TEST, House, said


@pytest.fixture
def browser(house: House) -> FlaskClient:
    house.add_client("asker", ask_consent=True)
    return house.browser(house.add_person())


@pytest.fixture
def desk(house: House) -> Desk:
    ground = house.ground
    return build_desk(store=ground.store, clock=ground.clock, sealer=ground.sealer, audit=ground.audit)


def ask(house: House, browser: FlaskClient, **changed: str) -> TestResponse:
    return house.authorize(browser, **{"client_id": "asker", **changed})


def question(browser: FlaskClient, response: TestResponse) -> TestResponse:
    assert response.headers["Location"].startswith("/signin/"), response.headers["Location"]
    page = browser.get(response.headers["Location"], base_url=BASE)
    assert "Share your details?" in page.text
    return page


def answer(browser: FlaskClient, page: TestResponse, word: str) -> TestResponse:
    form = FORM.search(page.text)
    assert form is not None
    fields = {**dict(HIDDEN.findall(form[2])), "answer": word}
    return browser.post(unescape(form[1]), base_url=BASE, data=fields)


def agree(house: House, browser: FlaskClient, **changed: str) -> dict[str, str]:
    return said(answer(browser, question(browser, ask(house, browser, **changed)), "yes"))


def shown(page: TestResponse) -> list[str]:
    """Return the page's list of details, as text."""
    items = re.findall(r'<li class="asked">(.*?)</li>', page.text, re.DOTALL)
    return [" ".join(unescape(re.sub("<[^>]+>", " ", item)).split()) for item in items]


def events(house: House) -> list[str]:
    with house.store.read() as connection:
        return [event.event for event in house.ground.audit.search(connection)]


def test_the_page_says_what_would_be_told(house: House, browser: FlaskClient) -> None:
    page = question(browser, ask(house, browser, scope="openid profile email phone groups"))
    assert shown(page) == [
        "Your name and profile ada · Ada Lovelace",
        "Your e-mail address ada@example.com",
        "Your groups staff",
    ], "no phone number is released, so none is asked about"


def test_the_claims_parameter_is_shown_too(house: House, browser: FlaskClient) -> None:
    claims = json.dumps({"userinfo": {"email": None}, "id_token": {"acr": {"essential": True}}})
    page = question(browser, ask(house, browser, scope="openid", claims=claims))
    assert shown(page) == ["Your e-mail address ada@example.com"]


def test_an_application_with_an_evil_name_is_only_a_name(house: House, browser: FlaskClient) -> None:
    house.change("asker", name="<script>alert(1)</script>")
    assert "<script>alert" not in question(browser, ask(house, browser)).text


def test_whoever_agrees_is_asked_once(house: House, browser: FlaskClient) -> None:
    assert "code" in agree(house, browser)
    assert "code" in said(ask(house, browser))
    assert "code" in said(ask(house, browser, prompt="none"))
    assert events(house).count("consent-given") == 1


def test_more_than_was_agreed_to_is_asked_again(house: House, browser: FlaskClient) -> None:
    agree(house, browser, scope="openid email")
    assert "code" in said(ask(house, browser, scope="openid"))
    assert said(ask(house, browser, scope="openid groups", prompt="none"))["error"] == "consent_required"
    agree(house, browser, scope="openid groups")
    assert "code" in said(ask(house, browser, scope="openid email groups", prompt="none"))


def test_consent_is_one_persons_for_one_application(house: House, browser: FlaskClient) -> None:
    agree(house, browser)
    house.add_client("other", ask_consent=True)
    assert said(ask(house, browser, client_id="other", prompt="none"))["error"] == "consent_required"
    eve = house.browser(house.add_person("eve"))
    assert said(ask(house, eve, prompt="none"))["error"] == "consent_required"


def test_check_17_silence_is_no_consent(house: House, browser: FlaskClient) -> None:
    assert said(ask(house, browser, prompt="none"))["error"] == "consent_required"


def test_whoever_does_not_agree_gives_nothing(house: House, browser: FlaskClient) -> None:
    refused = said(answer(browser, question(browser, ask(house, browser)), "no"))
    assert refused["error"] == "access_denied"
    assert said(ask(house, browser, prompt="none"))["error"] == "consent_required"
    assert "consent-given" not in events(house)


def test_case_65_another_sites_form_agrees_to_nothing(house: House, browser: FlaskClient) -> None:
    page = question(browser, ask(house, browser))
    form = FORM.search(page.text)
    assert form is not None
    forged = browser.post(
        form[1],
        base_url=BASE,
        data={"what": "consent", "answer": "yes"},
        headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    )
    assert forged.status_code == 400
    assert said(ask(house, browser, prompt="none"))["error"] == "consent_required"


def test_an_application_the_administrator_vouches_for_asks_when_it_wants(
    house: House, browser: FlaskClient
) -> None:
    asking = {"client_id": "wiki", "scope": "openid email"}
    assert "code" in said(ask(house, browser, **asking))
    page = question(browser, ask(house, browser, **asking, prompt="consent"))
    assert shown(page) == ["Your e-mail address ada@example.com"]
    assert "code" in said(answer(browser, page, "yes"))
    question(browser, ask(house, browser, **asking, prompt="consent"))


def test_account_and_consent_are_asked_one_after_the_other(house: House, browser: FlaskClient) -> None:
    asked = ask(house, browser, prompt="select_account consent")
    account = browser.get(asked.headers["Location"], base_url=BASE)
    assert "Choose an account" in account.text
    assert "code" in said(answer(browser, question(browser, answer(browser, account, "yes")), "yes"))


def test_what_is_taken_back_ends_the_tokens_that_needed_it(
    house: House, browser: FlaskClient, desk: Desk
) -> None:
    code = agree(house, browser)["code"]
    token = house.token(code, client_id="asker").get_json()["access_token"]
    assert house.userinfo(token).status_code == 200
    (agreed,) = desk.consents.listing("ada", actor=TEST)
    assert (agreed.identifier, agreed.scopes) == ("asker", ("email", "openid", "profile"))
    desk.consents.withdraw("ada", "asker", actor=TEST)
    assert house.userinfo(token).status_code == 401
    assert said(ask(house, browser, prompt="none"))["error"] == "consent_required"
    assert desk.consents.listing("ada", actor=TEST) == ()
    assert "consent-withdrawn" in events(house)


def test_access_while_away_takes_a_yes_whoever_vouches(house: House, browser: FlaskClient) -> None:
    house.allow("wiki", refresh=True)
    away = {"client_id": "wiki", "scope": "openid email offline_access"}
    assert said(ask(house, browser, **away, prompt="none"))["error"] == "consent_required"
    page = question(browser, ask(house, browser, **away))
    assert [item.split(" ")[:2] for item in shown(page)] == [["Your", "e-mail"], ["Stay", "connected"]]
    assert "code" in said(answer(browser, page, "yes"))
    assert "code" in said(ask(house, browser, **away, prompt="none")), "a yes is kept"


def test_refresh_tokens_end_with_the_consent(house: House, browser: FlaskClient, desk: Desk) -> None:
    house.allow("wiki", refresh=True)
    away = {"client_id": "wiki", "scope": "openid offline_access"}
    code = house.consent(browser, ask(house, browser, **away))
    refresh = house.token(code).get_json()["refresh_token"]
    refresh = house.refresh(refresh).get_json()["refresh_token"]
    desk.consents.withdraw("ada", "wiki", actor=TEST)
    assert house.refresh(refresh).get_json()["error"] == "invalid_grant"


def test_a_removed_applications_consents_are_gone(house: House, browser: FlaskClient, desk: Desk) -> None:
    agree(house, browser)
    desk.partners.remove("asker", actor=TEST)
    with house.store.read() as connection:
        ada = house.people.find(connection, "ada")
        assert ada is not None
        assert Consents().of(connection, ada.id) == ()
