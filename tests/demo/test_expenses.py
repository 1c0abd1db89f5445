"""Expenses, the SAML demo application, against a small provider."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from lxml import etree
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from idp.demo.saml_app import make_app
from idp.demo.saml_client import KeyPair, ServiceProvider, key_pair
from idp.demo.saml_signatures import query_is_signed
from idp.partners import metadata
from tests.demo import saml_provider
from tests.demo.saml_provider import Provider, sent

BASE = "http://127.0.0.1:8001"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider(BASE)


@pytest.fixture(scope="module")
def service(provider: Provider, keys: KeyPair) -> Iterator[ServiceProvider]:
    application = Response(provider.metadata(), mimetype="application/samlmetadata+xml")
    with make_server("127.0.0.1", 0, application) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        yield ServiceProvider(base_url=BASE, metadata_url=url, keys=keys)
        server.shutdown()
        thread.join()


@pytest.fixture
def browser(service: ServiceProvider) -> FlaskClient:
    site = make_app(service)
    site.testing = True
    return site.test_client()


def _ask(browser: FlaskClient, ask: str = "") -> etree._Element:
    answer = browser.get("/login", query_string={"ask": ask}, base_url=BASE)
    assert answer.status_code == 303
    return sent(answer.location)


def _post(browser: FlaskClient, message: str) -> tuple[int, str]:
    answer = browser.post("/acs", data={"SAMLResponse": message, "RelayState": ""}, base_url=BASE)
    assert answer.status_code == 303
    answer = browser.get(answer.location, base_url=BASE, follow_redirects=True)
    return answer.status_code, answer.text


def _sign_in(browser: FlaskClient, provider: Provider) -> str:
    request_id = _ask(browser).get("ID")
    assert request_id is not None
    status, page = _post(browser, provider.response(request_id, assertion=provider.assertion(request_id)))
    assert status == 200, page
    return page


def test_its_request_is_signed_and_says_what_was_asked(browser: FlaskClient, keys: KeyPair) -> None:
    location = browser.get("/login", base_url=BASE).location
    certificate = "".join(keys.certificate.read_text().splitlines()[1:-1])
    assert location.startswith(saml_provider.SSO + "?")
    assert query_is_signed(urlsplit(location).query, [certificate])
    assert not query_is_signed(
        urlsplit(location).query.replace("SAMLRequest=", "SAMLRequest=x"), [certificate]
    )
    assert _ask(browser).get("ForceAuthn") is None
    assert _ask(browser, "again").get("ForceAuthn") == "true"
    assert _ask(browser, "silent").get("IsPassive") == "true"
    assert _ask(browser, "strong").findtext(".//{*}AuthnContextClassRef") == saml_provider.MFA


def test_a_signed_assertion_lets_in_and_is_shown(browser: FlaskClient, provider: Provider) -> None:
    page = _sign_in(browser, provider)
    for shown in (
        "Hello, Ada Lovelace",
        "subject-1",
        saml_provider.MFA,
        "session-1",
        "<dt>uid</dt><dd>ada</dd>",
    ):
        assert shown in page


def test_an_unsigned_or_changed_assertion_does_not(browser: FlaskClient, provider: Provider) -> None:
    request_id = _ask(browser).get("ID") or ""
    unsigned = provider.assertion(request_id)
    unsigned.remove(unsigned.find("{*}Signature"))
    assert _post(browser, provider.response(request_id, assertion=unsigned))[0] == 400
    request_id = _ask(browser).get("ID") or ""
    changed = provider.assertion(request_id)
    changed.find(".//{*}NameID").text = "somebody else"
    assert _post(browser, provider.response(request_id, assertion=changed))[0] == 400
    assert "You are not signed in" in browser.get("/", base_url=BASE).text


def test_an_assertion_signed_by_another_key_does_not(browser: FlaskClient) -> None:
    stranger = Provider(BASE)
    request_id = _ask(browser).get("ID") or ""
    assert _post(browser, stranger.response(request_id, assertion=stranger.assertion(request_id)))[0] == 400


def test_an_answer_works_once_and_in_its_own_browser(service: ServiceProvider, provider: Provider) -> None:
    site = make_app(service)
    mine, other = site.test_client(), site.test_client()
    request_id = _ask(mine).get("ID") or ""
    message = provider.response(request_id, assertion=provider.assertion(request_id))
    assert _post(other, message)[0] == 400
    assert _post(mine, message)[0] == 200
    assert _post(mine, message)[0] == 400


def test_a_no_is_shown_by_its_code(browser: FlaskClient, provider: Provider) -> None:
    request_id = _ask(browser, "silent").get("ID") or ""
    status, page = _post(browser, provider.response(request_id, status="NoPassive"))
    assert status == 403
    assert "did not let you in: NoPassive." in page


@pytest.mark.parametrize("message", ["", "%%%", "PHg+", "PD94bWwgdmVyc2lvbj0iMS4wIj8+PHgvPg=="])
def test_nonsense_is_answered_with_a_page(browser: FlaskClient, message: str) -> None:
    _ask(browser)
    assert _post(browser, message)[0] == 400


def test_signing_out_starts_single_logout(browser: FlaskClient, provider: Provider) -> None:
    _sign_in(browser, provider)
    location = browser.post("/logout", base_url=BASE).location
    message = sent(location)
    assert location.startswith(saml_provider.SLO + "?")
    assert (message.findtext("{*}NameID"), message.findtext("{*}SessionIndex")) == ("subject-1", "session-1")
    query = provider.logout_response(message.get("ID") or "")
    answer = browser.get(f"/slo?{query}", base_url=BASE, follow_redirects=True)
    assert "You are signed out." in answer.text


def test_a_partial_logout_is_said(browser: FlaskClient, provider: Provider) -> None:
    _sign_in(browser, provider)
    message = sent(browser.post("/logout", base_url=BASE).location)
    query = provider.logout_response(message.get("ID") or "", partial=True)
    answer = browser.get(f"/slo?{query}", base_url=BASE, follow_redirects=True)
    assert "You are signed out here, but not everywhere." in answer.text


def test_the_provider_ends_a_session_in_any_browser(service: ServiceProvider, provider: Provider) -> None:
    site = make_app(service)
    mine, other = site.test_client(), site.test_client()
    _sign_in(mine, provider)
    answer = other.get(f"/slo?{provider.logout_request()}", base_url=BASE)
    said = sent(answer.location)
    assert answer.location.startswith(saml_provider.SLO + "?SAMLResponse=")
    assert "RelayState=r&" in answer.location
    assert said.get("InResponseTo") == "l1"
    assert said.find(".//{*}StatusCode").get("Value") == "urn:oasis:names:tc:SAML:2.0:status:Success"
    assert "You are not signed in" in mine.get("/", base_url=BASE).text


def test_an_unsigned_sign_out_message_does_nothing(browser: FlaskClient, provider: Provider) -> None:
    _sign_in(browser, provider)
    unsigned = provider.logout_request().partition("&RelayState")[0]
    for query in (unsigned, "", provider.logout_request().replace("RelayState=r", "RelayState=s")):
        assert browser.get(f"/slo?{query}", base_url=BASE).status_code == 400
    assert "Hello, Ada Lovelace" in browser.get("/", base_url=BASE).text


def test_its_metadata_is_what_the_provider_reads(browser: FlaskClient) -> None:
    read = metadata.read(browser.get("/metadata", base_url=BASE).data, now=datetime.now(UTC))
    assert (read.entity_id, read.name) == (f"{BASE}/metadata", "Expenses")
    assert [acs.location for acs in read.settings.acs] == [f"{BASE}/acs"]
    assert [slo.location for slo in read.settings.slo] == [f"{BASE}/slo"]
    assert read.settings.authn_requests_signed
    assert len(read.settings.certificates) == 1


def test_a_provider_that_is_away_is_said(tmp_path: Path, keys: KeyPair) -> None:
    nowhere = ServiceProvider(base_url=BASE, metadata_url="http://127.0.0.1:1/", keys=keys)
    answer = make_app(nowhere).test_client().get("/login", base_url=BASE)
    assert answer.status_code == 503
    assert "be reached" in answer.text


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    first = key_pair(tmp_path / "demo")
    before = first.key.read_bytes()
    assert key_pair(tmp_path / "demo").key.read_bytes() == before
    assert first.key.stat().st_mode & 0o777 == 0o600
