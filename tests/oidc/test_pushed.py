"""Pushed requests: checked when pushed and when used, for one client, once, and not to be overruled."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.core.errors import BadMessage
from idp.core.ids import fingerprint
from idp.oidc.parameters import Parameters
from idp.oidc.pushed import PREFIX, PushedRequests
from idp.state import open_state
from idp.store import open_store
from tests import backends
from tests.clock import TestClock
from tests.oidc.house import BASE, CALLBACK, SECRET, House, asking, decoded, said
from tests.oidc.test_client_request import basic
from tests.processes import Notes, race


@pytest.fixture
def browser(house: House) -> FlaskClient:
    return house.browser(house.add_person())


def push(house: House, **changed: str | None) -> TestResponse:
    return house.post("/oidc/par", {**asking(**changed), "client_secret": SECRET})


def pushed(house: House, **changed: str | None) -> str:
    answer = push(house, **changed)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["request_uri"])


def use(browser: FlaskClient, request_uri: str, **more: str) -> TestResponse:
    sent = {"client_id": "wiki", "request_uri": request_uri, **more}
    return browser.get("/oidc/authorize", base_url=BASE, query_string=sent)


def error(answer: TestResponse) -> str:
    assert answer.status_code in {400, 401}, answer.text
    return str(answer.get_json()["error"])


def is_refused(response: TestResponse) -> bool:
    return response.status_code == 400 and "Location" not in response.headers


def test_a_pushed_request_is_used(house: House, browser: FlaskClient) -> None:
    answer = push(house, nonce="n", scope="openid email")
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.get_json()
    assert body["request_uri"].startswith(PREFIX)
    assert 5 <= body["expires_in"] < 600
    code = said(use(browser, body["request_uri"]))["code"]
    tokens = house.token(code).get_json()
    assert decoded(tokens["id_token"])[1]["nonce"] == "n"
    assert set(house.userinfo(tokens["access_token"]).get_json()) == {"sub", "email"}


def test_basic_authentication_and_public_clients(house: House, browser: FlaskClient) -> None:
    by_basic = house.post("/oidc/par", asking(), headers={"Authorization": basic("wiki", SECRET)})
    assert "code" in said(use(browser, by_basic.get_json()["request_uri"]))
    public = house.post("/oidc/par", asking(client_id="app", redirect_uri="com.example.app:/cb"))
    done = use(browser, public.get_json()["request_uri"], client_id="app")
    assert done.headers["Location"].startswith("com.example.app:/cb?code=")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"scope": "email"}, "invalid_scope"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": PREFIX + "x"}, "invalid_request"),
        ({"request_uri": "https://wiki.example/request.jwt"}, "invalid_request"),
        ({"state": "s" * 5000}, "invalid_request"),
    ],
)
def test_what_would_be_refused_later_is_refused_at_once(
    house: House, changed: dict[str, str | None], expected: str
) -> None:
    assert error(push(house, **changed)) == expected


@pytest.mark.parametrize(
    "credentials", [{}, {"client_secret": ""}, {"client_secret": "wrong"}, {"client_assertion": "x"}]
)
def test_whoever_cannot_prove_to_be_the_client_pushes_nothing(
    house: House, credentials: dict[str, str]
) -> None:
    assert error(house.post("/oidc/par", {**asking(), **credentials})) == "invalid_client"


def test_the_client_is_the_one_that_authenticated(house: House) -> None:
    house.add_client("other", secret="another-secret-of-theirs")
    other = {"Authorization": basic("other", "another-secret-of-theirs")}
    assert error(house.post("/oidc/par", asking(), headers=other)) == "invalid_request"


def test_get_and_queries_are_not_for_pushing(house: House) -> None:
    assert house.app.test_client().get("/oidc/par", base_url=BASE).status_code == 405
    assert error(house.post("/oidc/par?state=x", {**asking(), "client_secret": SECRET})) == "invalid_request"


def test_case_34_a_pushed_request_is_used_once(house: House, browser: FlaskClient) -> None:
    request_uri = pushed(house)
    assert "code" in said(use(browser, request_uri))
    for more in ({}, {"prompt": "none"}):
        assert is_refused(use(browser, request_uri, **more))


def test_case_34_nothing_in_the_address_overrules_it(house: House, browser: FlaskClient) -> None:
    evil = {
        "redirect_uri": "https://evil.example/",
        "scope": "openid groups",
        "state": "theirs",
        "response_mode": "form_post",
        "prompt": "login",
    }
    answer = said(use(browser, pushed(house, scope="openid email"), **evil))
    assert answer["state"] == "the state"
    tokens = house.token(answer["code"]).get_json()
    assert set(house.userinfo(tokens["access_token"]).get_json()) == {"sub", "email"}


def test_case_34_it_belongs_to_its_client_and_is_not_used_up_by_others(
    house: House, browser: FlaskClient
) -> None:
    house.add_client("other")
    request_uri = pushed(house)
    assert is_refused(use(browser, request_uri, client_id="other"))
    assert "code" in said(use(browser, request_uri))


@pytest.mark.parametrize("request_uri", [PREFIX, PREFIX + "x" * 43, PREFIX + "../../x"])
def test_an_unknown_one_is_refused(house: House, browser: FlaskClient, request_uri: str) -> None:
    assert is_refused(use(browser, request_uri))


def test_it_expires(house: House, browser: FlaskClient) -> None:
    answer = push(house).get_json()
    house.clock.advance(seconds=answer["expires_in"] + 1)
    assert is_refused(use(browser, answer["request_uri"]))


def test_repeated_parameters_are_ambiguous(house: House, browser: FlaskClient) -> None:
    client, mine = ("client_id", "wiki"), ("request_uri", pushed(house))
    others = ("client_id", "other"), ("request_uri", PREFIX + "x")
    for other in others:
        for twice in ([client, mine, other], [other, client, mine]):
            assert is_refused(browser.get("/oidc/authorize", base_url=BASE, query_string=twice))
    assert "code" in said(browser.get("/oidc/authorize", base_url=BASE, query_string=[client, mine]))


def test_case_27_an_address_withdrawn_meanwhile_is_not_answered(house: House, browser: FlaskClient) -> None:
    request_uri = pushed(house)
    settings = {**house.registered["wiki"].settings, "redirect_uris": ["https://wiki.example/new"]}
    house.change("wiki", settings=settings)
    assert is_refused(use(browser, request_uri))


def test_looking_does_not_use_it_up(house: House, browser: FlaskClient) -> None:
    request_uri = pushed(house)
    sent = {"client_id": "wiki", "request_uri": request_uri}
    assert browser.head("/oidc/authorize", base_url=BASE, query_string=sent).status_code == 200
    assert "code" in said(use(browser, request_uri))


def test_a_client_that_must_push_gets_nothing_otherwise(house: House, browser: FlaskClient) -> None:
    house.allow("wiki", require_pushed=True)
    assert said(house.authorize(browser))["error"] == "invalid_request"
    assert "code" in said(use(browser, pushed(house)))


def test_by_post_it_works_too(house: House, browser: FlaskClient) -> None:
    form = {"client_id": "wiki", "request_uri": pushed(house)}
    arrived = browser.post("/oidc/authorize", base_url=BASE, data=form)
    assert said(browser.get(arrived.headers["Location"], base_url=BASE))["code"]


def _take(number: int, notes: Notes, urls: tuple[str, str], folder: Path, request_uri: str) -> None:
    clock, store = TestClock(), open_store(urls[0])
    state = open_state(urls[1], data=folder, clock=clock)
    requests = PushedRequests(state=state, store=store, clock=clock)
    brought = Parameters(values={"client_id": "wiki", "request_uri": request_uri}, repeated=frozenset())
    try:
        values: Any = requests.take(brought).values
    except BadMessage:
        notes.write(f"{number} refused")
    else:
        notes.write(f"{number} {json.dumps(values['redirect_uri'])}")
    store.dispose()


def test_case_34_of_eight_processes_one_wins(house: House, tmp_path: Path) -> None:
    notes = Notes(tmp_path / "notes")
    data, chosen = tmp_path / "data", backends.CHOSEN
    urls = (backends.database_url(chosen, data), backends.state_url(chosen, data))
    race(_take, urls, data, pushed(house), notes=notes, count=8)
    came = [line.split(" ", 1)[1] for line in notes.lines()]
    assert sorted(came) == [f'"{CALLBACK}"', *["refused"] * 7]


def test_no_secret_is_kept_with_it(house: House) -> None:
    request_uri = pushed(house, state="a state")
    held = house.ground.state.get("pushed:" + fingerprint(request_uri.removeprefix(PREFIX)))
    assert held is not None
    assert "a state" in held.value
    assert SECRET not in held.value


def test_case_34_even_state_that_steps_back_gives_it_once(house: House, browser: FlaskClient) -> None:
    request_uri, state = pushed(house), house.ground.state
    key = "pushed:" + fingerprint(request_uri.removeprefix(PREFIX))
    before = state.get(key)
    assert before is not None
    assert "code" in said(use(browser, request_uri))
    assert state.put(key, before.value, timedelta(seconds=60), absent=True)
    assert is_refused(use(browser, request_uri))
