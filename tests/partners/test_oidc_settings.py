"""What an OpenID Connect application may register, and which addresses match it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core import codec
from idp.core.errors import Refused
from idp.core.model import Partner
from idp.partners.oidc import (
    OidcSettings,
    check_address,
    check_client_id,
    matches,
    oidc_settings,
    register,
    unprotected,
)

SECRET = "a-secret-that-is-long-enough"


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example.com/cb",
        "https://app.example.com/cb?tenant=1",
        "https://app.example.com:8443",
        "http://127.0.0.1:8002/cb",
        "http://[::1]/cb",
        "http://intranet/cb",
    ],
)
def test_addresses_that_may_be_registered(address: str) -> None:
    settings = register(redirect_uris=[address], secret=SECRET)
    assert settings.redirects_to(address)


@pytest.mark.parametrize("address", ["com.example.app:/oauth", "com.example.app://oauth/cb"])
def test_an_apps_own_scheme_is_for_public_clients(address: str) -> None:
    assert register(redirect_uris=[address], secret="").redirects_to(address)
    with pytest.raises(Refused):
        register(redirect_uris=[address], secret=SECRET)


@pytest.mark.parametrize(
    ("behind", "framed"),
    [
        ("http://app.example.com/out", ""),
        ("com.example.app:/out", ""),
        ("https://user@app.example.com/out", ""),
        ("https://app.example.com/out#x", ""),
        ("", "http://app.example.com/out"),
        ("", "https://elsewhere.example/out"),
        ("", "https://app.example.com:8443/out"),
    ],
)
def test_logout_addresses_that_are_refused(behind: str, framed: str) -> None:
    with pytest.raises(Refused):
        register(
            redirect_uris=["https://app.example.com/cb"],
            secret=SECRET,
            backchannel_logout_uri=behind,
            frontchannel_logout_uri=framed,
        )


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/cb",
        "app.example.com/cb",
        "//app.example.com/cb",
        "https:/app.example.com/cb",
        "https:app.example.com",
        "https://",
        "https:///cb",
        "https://app.example.com/cb#fragment",
        "https://app.example.com/cb#",
        "https://*.example.com/cb",
        "https://user@app.example.com/cb",
        "https://user:pw@app.example.com/cb",
        "https://app.example.com@evil.example/cb",
        "https://app.example.com/c b",
        "https://app.example.com/cb\r\nSet-Cookie:a=b",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com:99999/cb",
        "https://app.example.com:port/cb",
        "https://[::1/cb",
        "https://éxample.com/cb",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,hi",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://app.example.com/1",
        "about:blank",
        "myapp:/cb",
        "https://app.example.com/" + "a" * 2000,
    ],
)
def test_addresses_that_must_not_be_registered(address: str) -> None:
    with pytest.raises(Refused):
        check_address(address)
    with pytest.raises(Refused):
        register(
            redirect_uris=["https://app.example.com/cb"], post_logout_redirect_uris=[address], secret=SECRET
        )


@pytest.mark.parametrize(
    ("registered", "offered", "expected"),
    [
        ("https://a.example/cb", "https://a.example/cb", True),
        ("https://a.example/cb", "https://a.example/cb/", False),
        ("https://a.example/cb", "https://A.example/cb", False),
        ("https://a.example/cb", "https://a.example:443/cb", False),
        ("https://a.example/cb", "http://a.example/cb", False),
        ("https://a.example:1/cb", "https://a.example:2/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51000/cb", True),
        ("http://127.0.0.1:1/cb?x=1", "http://127.0.0.1:2/cb?x=1", True),
        ("http://127.0.0.1:1/cb?x=1", "http://127.0.0.1:2/cb", False),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1/cb", True),
        ("http://[::1]:1/cb", "http://[::1]:2/cb", True),
        ("http://127.0.0.1:1/cb", "http://[::1]:1/cb", False),
        ("http://127.0.0.1:1/cb", "https://127.0.0.1:2/cb", False),
        ("https://127.0.0.1:1/cb", "https://127.0.0.1:2/cb", False),
        ("http://localhost:1/cb", "http://localhost:2/cb", False),
        ("http://127.0.0.1:1/cb", "http://localhost:1/cb", False),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:2@evil.example/cb", False),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1.evil.example:1/cb", False),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:0/cb", False),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:65536/cb", False),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb\n", False),
        ("http://127.0.0.2:1/cb", "http://127.0.0.2:2/cb", False),
    ],
)
def test_only_loopback_literals_vary_and_only_in_the_port(
    registered: str, offered: str, expected: bool
) -> None:
    assert matches(registered, offered) is expected


@given(st.text(max_size=60))
def test_nothing_but_the_registered_text_matches(text: str) -> None:
    assert matches("https://app.example.com/cb", text) is (text == "https://app.example.com/cb")


@given(st.text(max_size=60))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    try:
        check_address(text)
    except Refused:
        return
    assert matches(text, text)


def test_settings_survive_storage() -> None:
    settings = register(
        redirect_uris=["https://a.example/cb"],
        post_logout_redirect_uris=["https://a.example/bye"],
        secret=SECRET,
        id_token_alg="ES256",
    )
    partner = Partner(
        id="p", door="oidc", identifier="wiki", name="Wiki", issuer="i", settings=codec.plain(settings)
    )
    assert oidc_settings(codec.load(Partner, codec.dump(partner))) == settings
    assert SECRET not in codec.dump(partner)


def test_case_33_an_empty_secret_is_never_right() -> None:
    confidential = register(redirect_uris=["https://a.example/cb"], secret=SECRET)
    public = register(redirect_uris=["https://a.example/cb"], secret="")
    assert confidential.has_secret(SECRET)
    assert not confidential.has_secret("")
    assert not confidential.has_secret(SECRET + "x")
    assert not confidential.has_secret("é")
    assert not public.has_secret("")
    assert public.public
    assert public.auth_methods == ("none",)
    assert "none" not in confidential.auth_methods


def test_what_registration_refuses() -> None:
    fine = ["https://a.example/cb"]
    with pytest.raises(Refused):
        register(redirect_uris=[], secret=SECRET)
    with pytest.raises(Refused):
        register(redirect_uris=fine, secret="short")
    with pytest.raises(Refused):
        register(redirect_uris=fine, secret=SECRET, id_token_alg="none")
    with pytest.raises(Refused):
        register(redirect_uris=fine, secret="", require_pkce=False)


def test_client_ids() -> None:
    check_client_id("https://app.example.com/")
    for bad in ("", "two words", "é", "a" * 201, "a\n"):
        with pytest.raises(Refused):
            check_client_id(bad)


def test_plain_http_elsewhere_is_worth_a_warning() -> None:
    assert unprotected("http://intranet/cb")
    assert not unprotected("http://localhost:8002/cb")
    assert not unprotected("http://[::1]:8002/cb")
    assert not unprotected("https://a.example/cb")
    assert not unprotected("com.example.app:/cb")


def test_defaults_are_the_safe_ones() -> None:
    settings = OidcSettings(redirect_uris=("https://a.example/cb",))
    assert settings.require_pkce
    assert settings.public
