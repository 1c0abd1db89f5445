"""The authorization endpoint: who is redirected where, with what, and who never is."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.core.model import Reply
from idp.oidc.authorize import Authorize
from idp.oidc.parameters import read
from idp.oidc.pushed import PushedRequests
from idp.sessions import Subjects
from tests.oidc.house import BASE, CALLBACK, SECRET, House, asking, said


def error_of(house: House, **changed: str | None) -> str:
    answer = said(house.authorize(house.browser(), **changed))
    assert answer["iss"] == BASE
    assert answer.get("state") == changed.get("state", "the state")
    assert "code" not in answer
    return answer["error"]


def assert_own_page(house: House, query: str) -> None:
    response = house.browser(house.add_person()).get("/oidc/authorize?" + query, base_url=BASE)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "text/html" in response.headers["Content-Type"]


# Who is never redirected ----------------------------------------------------------------------
@pytest.mark.parametrize(
    "address",
    [
        "https://wiki.example.evil.example/cb",
        "https://wiki.example@evil.example/cb",
        "https://user@wiki.example/cb",
        "https://wiki.example:443/cb",
        "https://wiki.example:8443/cb",
        "http://wiki.example/cb",
        "https://WIKI.example/cb",
        "https://wiki.example/CB",
        "https://wiki.example/cb/",
        "https://wiki.example/cb/..;/evil",
        "https://wiki.example/x/../cb",
        "https://wiki.example/cb?next=https://evil.example",
        "https://wiki.example/cb#fragment",
        "https://wiki.example/%63b",
        "https://wiki.example/cb\r\nSet-Cookie: a=b",
        "https://wiki.example/cb%0d%0aSet-Cookie:%20a=b",
        "https://wiki.example\\@evil.example/cb",
        " https://wiki.example/cb",
        "//wiki.example/cb",
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://localhost/cb",
        "http://127.0.0.1/cb",
        "",
    ],
)
def test_case_27_a_redirect_uri_that_is_not_the_registered_one_gets_a_page(
    house: House, address: str
) -> None:
    assert_own_page(house, urlencode(asking(redirect_uri=address)))


def test_case_27_a_second_redirect_uri_gets_a_page(house: House) -> None:
    assert_own_page(house, urlencode(asking()) + "&redirect_uri=https%3A%2F%2Fevil.example")


def test_check_05_a_missing_redirect_uri_gets_a_page_even_with_one_registered(house: House) -> None:
    assert_own_page(house, urlencode(asking(redirect_uri=None)))


@pytest.mark.parametrize("client_id", ["unknown", "WIKI", "wiki ", "wiki\u0130", None])
def test_case_28_an_unknown_client_gets_a_page(house: House, client_id: str | None) -> None:
    assert_own_page(house, urlencode(asking(client_id=client_id, response_type="token")))


def test_case_22_a_disabled_client_gets_a_page(house: House) -> None:
    house.change("wiki", enabled=False)
    assert_own_page(house, urlencode(asking()))


def test_case_27_a_loopback_port_may_vary(house: House) -> None:
    browser = house.browser(house.add_person())
    address = "http://127.0.0.1:49152/cb"
    response = house.authorize(browser, client_id="app", redirect_uri=address)
    assert response.headers["Location"].startswith(address + "?code=")
    other = house.authorize(browser, client_id="app", redirect_uri="http://127.0.0.1:49152/other")
    assert other.status_code == 400


def test_a_native_apps_own_scheme_is_followed_but_not_posted_to(house: House) -> None:
    browser = house.browser(house.add_person())
    app = {"client_id": "app", "redirect_uri": "com.example.app:/cb"}
    fine = house.authorize(browser, **app)
    assert fine.headers["Location"].startswith("com.example.app:/cb?code=")
    posted = house.authorize(browser, **app, response_mode="form_post")
    assert "error=invalid_request" in posted.headers["Location"]


def test_case_27_an_address_withdrawn_during_the_sign_in_is_not_answered(house: House) -> None:
    """A sign-in may wait for an hour; until then the administrator may have taken the address away."""
    house.enrol(house.add_person())
    finishing, giving_up = house.browser(), house.browser()
    asked = house.authorize(finishing)
    other = house.authorize(giving_up).headers["Location"]
    house.add_client(redirect_uris=["https://wiki.example/new"])
    for response in (house.walk(finishing, asked), giving_up.post(other + "/cancel", base_url=BASE)):
        assert response.status_code == 400
        assert "Location" not in response.headers


# What is answered with an error ---------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post.jwt"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "OpenID"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "something"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "\u0661"}, "invalid_request"),
        ({"max_age": "9" * 30}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "http://169.254.169.254/"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"nonce": "n" * 600}, "invalid_request"),
        ({"id_token_hint": "nonsense"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_check_08_every_redirected_error_carries_iss_and_state(
    house: House, changed: dict[str, str | None], error: str
) -> None:
    assert error_of(house, **changed) == error


@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        (None, None),
        (None, "S256"),
        ("v" * 43, None),
        ("v" * 43, "plain"),
        ("v" * 43, "s256"),
        ("v" * 42, "S256"),
        ("v" * 44, "S256"),
        ("v" * 42 + "=", "S256"),
        ("v" * 43 + "\n", "S256"),
    ],
)
def test_case_30_only_s256_is_pkce(house: House, challenge: str | None, method: str | None) -> None:
    assert error_of(house, code_challenge=challenge, code_challenge_method=method) == "invalid_request"


def test_case_30_a_public_client_cannot_be_switched_off_pkce(house: House) -> None:
    settings = {**house.registered["app"].settings, "require_pkce": False}
    house.change("app", settings=settings)
    app = {"client_id": "app", "redirect_uri": "com.example.app:/cb", "nonce": "n"}
    answer = house.authorize(house.browser(), **app, code_challenge=None, code_challenge_method=None)
    assert "error=invalid_request" in answer.headers["Location"]


def test_a_confidential_client_switched_off_pkce_must_use_a_nonce(house: House) -> None:
    house.add_client("old", secret=SECRET, require_pkce=False)
    plain = {"client_id": "old", "code_challenge": None, "code_challenge_method": None}
    assert error_of(house, **plain) == "invalid_request"
    browser = house.browser(house.add_person())
    assert house.code(browser, **plain, nonce="n")


@pytest.mark.parametrize("name", ["scope", "state", "prompt", "nonce", "unknown", "response_type"])
def test_check_15_any_repeated_parameter_is_refused(house: House, name: str) -> None:
    query = urlencode([*asking(prompt="login", nonce="n", unknown="u").items(), (name, "again")])
    answer = said(house.browser().get("/oidc/authorize?" + query, base_url=BASE))
    assert answer["error"] == "invalid_request"
    assert answer.get("state") == (None if name == "state" else "the state")


def test_a_state_that_is_too_long_is_refused_and_not_cut(house: House) -> None:
    answer = said(house.authorize(house.browser(), state="s" * 5000))
    assert answer["error"] == "invalid_request"
    assert "state" not in answer


# What is accepted -----------------------------------------------------------------------------
def test_success_carries_code_state_and_iss(house: House) -> None:
    answer = said(house.authorize(house.browser(house.add_person())))
    assert set(answer) == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("the state", BASE)


def test_check_16_unknown_and_voluntary_parameters_are_no_errors(house: House) -> None:
    browser = house.browser(house.add_person())
    assert house.code(
        browser,
        display="popup",
        ui_locales="ar-XX tlh en",
        claims_locales="xx",
        claims='{"userinfo": {"unheard": null}}',
        acr_values="1 2 phrh",
        login_hint="ada\u0001" * 200,
        foo="bar",
    )


def test_check_14_a_form_post_begins_by_get(house: House) -> None:
    browser = house.browser(house.add_person())
    cross_site = {"Sec-Fetch-Site": "cross-site", "Origin": "https://wiki.example"}
    arrived = browser.post("/oidc/authorize", base_url=BASE, data=asking(), headers=cross_site)
    assert arrived.status_code == 303
    location = arrived.headers["Location"]
    assert location.startswith("/signin/arrive/")
    assert "code" in said(browser.get(location, base_url=BASE))
    assert browser.get(location, base_url=BASE).status_code == 410


def test_a_post_has_its_parameters_in_one_place(house: House) -> None:
    browser = house.browser()
    both = browser.post("/oidc/authorize?scope=openid", base_url=BASE, data=asking())
    assert both.status_code == 400
    no_form = browser.post("/oidc/authorize", base_url=BASE, json=asking())
    assert no_form.status_code == 400
    large = browser.post("/oidc/authorize", base_url=BASE, data=asking(x="y" * 40000))
    assert large.status_code in {400, 413}


def test_check_12_and_13_form_post_is_an_escaped_page_for_that_origin(house: House) -> None:
    browser = house.browser(house.add_person())
    state = '"><script>alert(1)</script>'
    page = house.authorize(browser, response_mode="form_post", state=state)
    assert page.status_code == 200
    assert f'action="{CALLBACK}"' in page.text
    assert "<script>alert(1)" not in page.text
    assert "https://wiki.example" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    denied = house.authorize(house.browser(), response_mode="form_post", prompt="none")
    assert 'name="error" value="login_required"' in denied.text
    assert f'name="iss" value="{BASE}"' in denied.text


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_case_18_a_script_is_no_address_even_if_it_got_registered(house: House, address: str) -> None:
    settings = {**house.registered["wiki"].settings, "redirect_uris": [address]}
    house.change("wiki", settings=settings)
    browser = house.browser(house.add_person())
    for mode in ("query", "form_post"):
        response = house.authorize(browser, redirect_uri=address, response_mode=mode)
        assert response.status_code == 400
        assert "Location" not in response.headers
        assert f'action="{address}' not in response.text


def test_without_a_session_the_person_is_asked(house: House) -> None:
    response = house.authorize(house.browser())
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/signin/")


def test_check_17_prompt_none_never_shows_a_page(house: House) -> None:
    browser = house.browser(house.add_person())
    assert "code" in said(house.authorize(browser, prompt="none"))
    house.close("wiki")
    assert said(house.authorize(browser, prompt="none"))["error"] == "access_denied"


def test_check_17_prompt_none_with_a_question_open(house: House) -> None:
    browser = house.browser(house.add_person())
    house.clock.advance(minutes=10)
    assert error_of(house, prompt="none") == "login_required"
    assert said(house.authorize(browser, prompt="none", max_age="60"))["error"] == "login_required"


@pytest.mark.parametrize("changed", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}])
def test_check_19_and_20_a_fresh_sign_in_is_asked_for(house: House, changed: dict[str, str]) -> None:
    browser = house.browser(house.add_person())
    house.clock.advance(minutes=5)
    assert house.authorize(browser, **changed).headers["Location"].startswith("/signin/")
    assert "code" in said(house.authorize(browser, max_age="10000"))


@pytest.mark.parametrize("prompt", ["consent", "select_account", "login consent select_account"])
def test_prompts_ask_what_they_say(house: House, prompt: str) -> None:
    browser = house.browser(house.add_person())
    assert house.authorize(browser, prompt=prompt).headers["Location"].startswith("/signin/")


def test_check_22_id_token_hint(house: House) -> None:
    ada, eve = house.add_person("ada"), house.add_person("eve")
    hint = house.tokens(house.browser(ada))["id_token"]
    house.clock.advance(hours=2)
    assert "code" in said(house.authorize(house.browser(ada), prompt="none", id_token_hint=hint))
    other = said(house.authorize(house.browser(eve), prompt="none", id_token_hint=hint))
    assert other["error"] == "login_required"


def test_check_22_a_hint_issued_to_another_client_is_refused(house: House) -> None:
    house.add_client("other")
    hint = house.tokens(house.browser(house.add_person()))["id_token"]
    answer = said(house.authorize(house.browser(), client_id="other", id_token_hint=hint))
    assert answer["error"] == "invalid_request"


def test_case_39_nothing_seen_in_an_address_opens_anything(house: House) -> None:
    ada = house.browser(house.add_person())
    answer = said(house.authorize(ada, nonce="the-nonce"))
    stranger = house.browser()
    for seen in (answer["code"], answer["state"], "the-nonce"):
        assert stranger.get(f"/signin/{seen}", base_url=BASE).status_code == 410
        assert stranger.get(f"/signin/arrive/{seen}", base_url=BASE).status_code == 410


def test_case_40_the_issuer_comes_from_configuration_and_not_from_the_host_header(house: House) -> None:
    browser = house.browser(house.add_person())
    query = urlencode(asking(prompt="none"))
    spoofed = house.app.test_client().get(
        "/oidc/authorize?" + query,
        base_url="https://evil.example",
        headers={"X-Forwarded-Host": "evil.example"},
    )
    assert said(spoofed)["iss"] == BASE
    assert said(house.authorize(browser))["iss"] == BASE


# Any input ------------------------------------------------------------------------------------
_VALUE = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["none", "login", "S256", "code", "openid", "wiki", CALLBACK, "form_post", "v" * 43, "0"]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changed=st.dictionaries(
        st.sampled_from([*asking(), "prompt", "max_age", "acr_values", "nonce", "claims"]), _VALUE
    )
)
def test_any_request_of_a_known_client_is_answered_at_its_address(
    house: House, changed: dict[str, str]
) -> None:
    values = {**asking(), **changed, "client_id": "wiki", "redirect_uri": CALLBACK}
    query = urlencode({name: value.replace("\0", "") for name, value in values.items()})
    authorize = Authorize(
        partners=house.partners,
        issuers=house.issuers,
        id_tokens=house.id_tokens,
        subjects=Subjects(house.store),
        pushed=PushedRequests(state=house.ground.state, store=house.store, clock=house.clock),
    )
    answer = authorize(read(query.encode()))
    if isinstance(answer, Reply):
        assert answer.address.split("?")[0] == CALLBACK
    else:
        assert answer.reply_to == CALLBACK
        assert answer.echo["challenge"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(query=st.binary(max_size=120))
def test_any_query_is_answered_without_a_redirect(house: House, query: bytes) -> None:
    response = house.app.test_client().get(
        "/oidc/authorize", base_url=BASE, query_string=query.decode("latin-1")
    )
    assert response.status_code == 400


def test_a_client_that_sends_people_in_circles_gets_no_more_answers(house: House) -> None:
    browser = house.browser(house.add_person())
    for _ in range(5):
        assert "code" in said(house.authorize(browser))
    stopped = house.authorize(browser)
    assert stopped.status_code == 429
    assert "Location" not in stopped.headers
    assert "The application sends you in circles" in stopped.text
    assert "Reference" in stopped.text
