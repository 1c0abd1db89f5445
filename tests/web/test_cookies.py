from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Response
from flask.testing import FlaskClient

from idp.web import cookies
from idp.web.cookies import Jar
from tests.web.conftest import build


def _header(base_url: str, *, lifetime: timedelta | None = None) -> str:
    response = Response()
    with build(base_url).app_context():
        cookies.keep(response, Jar.SESSION, "s" * 43, lifetime=lifetime)
    return response.headers["Set-Cookie"]


@pytest.mark.parametrize("base_url", ["https://id.example.com", "http://id.example.com", "https://localhost"])
def test_cookies_are_host_bound_secure_and_out_of_reach_of_scripts(base_url: str) -> None:
    header = _header(base_url)
    assert header.startswith("__Host-countersign-session=sss")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(header.split("; "))
    assert "Domain" not in header


@pytest.mark.parametrize("base_url", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_on_plain_loopback_the_cookie_has_no_prefix(base_url: str) -> None:
    header = _header(base_url)
    assert header.startswith("countersign-session=")
    assert "Secure" not in header
    assert "HttpOnly" in header


def test_a_lifetime_outlives_the_browser() -> None:
    assert "Max-Age=86400" in _header("https://id.example.com", lifetime=timedelta(days=1))
    assert "Max-Age" not in _header("https://id.example.com")


@pytest.mark.parametrize("value", ["", "x" * 129, "a b", "a%00b", "é", "../x", "a;b"])
def test_a_value_we_did_not_write_is_no_value(bare_client: FlaskClient, value: str) -> None:
    headers = {"Cookie": f"countersign-session={value}; countersign-browser=good"}
    visit = bare_client.get("/visit", headers=headers).json
    assert visit["session"] in {"", "a"}  # a cookie ends at its semicolon
    assert visit["browser"] == "good"


def test_an_unprefixed_cookie_counts_for_nothing_where_prefixed_ones_are_set(
    https_client: FlaskClient,
) -> None:
    planted = {"Cookie": "countersign-session=planted"}
    assert https_client.get("/visit", headers=planted).json["session"] == ""


def test_dropping_names_the_same_cookie() -> None:
    response = Response()
    with build("https://id.example.com").app_context():
        cookies.drop(response, Jar.SESSION)
    header = response.headers["Set-Cookie"]
    assert header.startswith("__Host-countersign-session=;")
    assert {"Secure", "Path=/", "Max-Age=0"} <= set(header.split("; "))
