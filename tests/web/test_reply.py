from __future__ import annotations

from html import unescape

import pytest
from flask.testing import FlaskClient
from lxml import html
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

_BROWSER = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}


def _policy(answer: TestResponse) -> str:
    return answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example.com/cb?code=abc&state=x%20y&iss=https%3A%2F%2Fid.example.com",
        "https://sp.example.com/slo?SAMLResponse=a%2fB%2b&RelayState=&SigAlg=x&Signature=%2B%2f",
        "com.example.app:/cb?code=1",
        "http://127.0.0.1:51004/cb?code=1",
    ],
)
def test_following_is_a_303_that_leaves_every_byte_of_the_address(client: FlaskClient, address: str) -> None:
    answer = client.get("/reply", json={"address": address})
    assert (answer.status_code, answer.headers["Location"]) == (303, address)


def test_a_browser_that_sent_a_form_goes_on_by_a_page_of_its_own(client: FlaskClient) -> None:
    address = "https://app.example.com/cb?code=abc&state=\"'<x>"
    answer = client.post("/reply", json={"address": address}, headers=_BROWSER)
    assert answer.status_code == 200
    tree = html.fromstring(answer.text)
    assert tree.xpath("//meta[@http-equiv='refresh']/@content") == ["0;url=" + address]
    assert tree.xpath("//main//a/@href") == [address]
    assert "form-action 'self';" in _policy(answer)


def test_a_program_that_sent_a_form_is_redirected(client: FlaskClient) -> None:
    answer = client.post("/reply", json={"address": "https://app.example.com/cb"})
    assert answer.status_code == 303


def test_a_native_app_is_opened_by_redirect_even_after_a_form(client: FlaskClient) -> None:
    answer = client.post("/reply", json={"address": "com.example.app:/cb"}, headers=_BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (303, "com.example.app:/cb")


def test_a_form_is_posted_with_its_values_and_nothing_else(client: FlaskClient) -> None:
    fields = {"SAMLResponse": "PHg+", "RelayState": "\"><script>alert(1)</script>'&amp;\u2028", "submit": "x"}
    answer = client.get("/reply", json={"address": 'https://app.example.com/acs?a=1&b="2', "fields": fields})
    tree = html.fromstring(answer.text)
    (form,) = tree.xpath("//form")
    assert form.get("action") == 'https://app.example.com/acs?a=1&b="2'
    assert form.get("method") == "post"
    assert {item.get("name"): item.get("value") for item in form.xpath(".//input")} == fields
    assert len(form.xpath(".//button[@type='submit']")) == 1
    (script,) = tree.xpath("//script")
    assert f"'nonce-{script.get('nonce')}'" in _policy(answer)
    assert "<script>alert" not in answer.text
    assert unescape(answer.text).count("<script>alert(1)</script>") == 1


def test_the_form_may_go_to_the_partner_and_wherever_the_partner_redirects(client: FlaskClient) -> None:
    fields = {"SAMLResponse": "x"}
    answer = client.get("/reply", json={"address": "https://app.example.com/acs", "fields": fields})
    assert "form-action 'self' https://app.example.com https:;" in _policy(answer)
    # The partner may compare Origin with ours.
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    plain = client.get("/reply", json={"address": "http://127.0.0.1:8001/acs", "fields": fields})
    assert "form-action 'self' http://127.0.0.1:8001 https: http:;" in _policy(plain)


@pytest.mark.parametrize("fields", [None, {"wresult": "x"}])
@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example.com",
        "/\\evil.example.com",
        "https://app.example.com@evil.example.com/",
        "https://app.example.com/\r\nX: y",
    ],
)
def test_a_browser_is_never_sent_to_an_address_that_is_none(
    client: FlaskClient, address: str, fields: dict[str, str] | None
) -> None:
    with capture_logs():
        answer = client.get("/reply", json={"address": address, "fields": fields})
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "evil" not in answer.text


def test_names_are_escaped(client: FlaskClient) -> None:
    assert "<bdi>&lt;b&gt;Expenses&lt;/b&gt;</bdi>" in client.get("/signin").text
