from __future__ import annotations

import re

from flask.testing import FlaskClient


def _directives(policy: str) -> dict[str, str]:
    return dict(part.partition(" ")[::2] for part in policy.split("; "))


def test_a_page_runs_only_scripts_with_its_nonce(client: FlaskClient) -> None:
    answer = client.get("/home")
    policy = _directives(answer.headers["Content-Security-Policy"])
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    nonce = re.fullmatch(r"'nonce-([A-Za-z0-9_-]{22})' 'strict-dynamic'", policy["script-src"])
    assert nonce
    assert set(re.findall(r'<script[^>]*nonce="([^"]+)"', answer.text)) == {nonce[1]}
    assert len(re.findall("<script", answer.text)) == len(re.findall(r"<script[^>]*nonce=", answer.text))
    assert nonce[1] not in client.get("/home").text


def test_no_style_or_handler_stands_in_the_page(client: FlaskClient) -> None:
    for address in ("/home", "/signin", "/nowhere"):
        text = client.get(address).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)


def test_forms_may_be_answered_by_a_redirect_to_the_partner_only_where_it_ends_there(
    client: FlaskClient,
) -> None:
    asking = _directives(client.get("/signin").headers["Content-Security-Policy"])
    assert asking["form-action"] == "'self' https://app.example.com:8443"
    assert _directives(client.get("/home").headers["Content-Security-Policy"])["form-action"] == "'self'"


def test_every_answer_carries_the_headers(client: FlaskClient) -> None:
    for address in ("/home", "/nowhere", "/fail/bug", "/fail/bad", "/program/bug"):
        headers = client.get(address).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "camera=()" in headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in headers


def test_https_is_remembered(https_client: FlaskClient) -> None:
    assert https_client.get("/home").headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_popup_keeps_its_opener(client: FlaskClient) -> None:
    assert "Cross-Origin-Opener-Policy" not in client.get("/signin").headers


def test_static_files_are_kept_forever_under_an_address_of_their_content(client: FlaskClient) -> None:
    address = re.search(r'href="(/static/[0-9a-f]{12}/css/countersign.css)"', client.get("/home").text)
    assert address
    answer = client.get(address[1])
    assert answer.mimetype == "text/css"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    other = client.get("/static/000000000000/css/countersign.css")
    assert (other.status_code, other.headers["Cache-Control"]) == (200, "no-cache")


def test_no_redirect_repeats_the_host_header(client: FlaskClient) -> None:
    for address in ("//home", "/home/", "/static//x", "/home//"):
        answer = client.get(address, headers={"Host": "evil.example"})
        assert "Location" not in answer.headers
        assert "evil.example" not in answer.text


def test_nothing_outside_the_static_folder_is_served(client: FlaskClient) -> None:
    for path in (
        "../templates/home.html",
        "..%2f..%2fpyproject.toml",
        "%2e%2e/%2e%2e/pyproject.toml",
        "/etc/passwd",
    ):
        assert client.get(f"/static/x/{path}").status_code == 404
