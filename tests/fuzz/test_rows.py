"""Attacks on the whole house that belong to no single door."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.fuzz.installation import Installation, prepare, senders
from tests.fuzz.trees import XSI
from tests.fuzz.wire import Sent
from tests.oidc.house import asking
from tests.saml.sp import authn_request, logout_request, query

# Everything the application answers; whoever adds an address decides here who may use it.
ADDRESSES = {
    "/": "anybody",
    "/applications": "anybody, who is asked to sign in",
    "/.well-known/openid-configuration": "anybody",
    "/.well-known/<name>": "anybody",
    "/healthz": "anybody",
    "/readyz": "anybody",
    "/static/<given>/<path:path>": "anybody",
    "/oidc/jwks": "anybody",
    "/saml/metadata": "anybody",
    "/oidc/authorize": "a partner's request",
    "/oidc/par": "a client's secret or key",
    "/oidc/logout": "a partner's request",
    "/saml/slo": "a partner's request",
    "/saml/slo/<kept>": "a one-time id",
    "/saml/slo/soap": "a partner's request",
    "/saml/launch/<partner>": "anybody",
    "/me": "anybody, who is asked to sign in",
    "/me/add": "a person's own fresh sign-in",
    "/me/browsers/<device>": "a person's own fresh sign-in",
    "/me/methods/<method_id>": "a person's own fresh sign-in",
    "/me/password": "a person's own fresh sign-in",
    "/me/sessions": "a person's own fresh sign-in",
    "/me/sessions/<session_id>": "a person's own fresh sign-in",
    "/me/not-me": "a person's own fresh sign-in",
    "/reset": "anybody",
    "/reset/<sign_in_id>": "the browser of the sign-in, with two ways shown",
    "/authenticator/": "anybody",
    "/authenticator/app.webmanifest": "anybody",
    "/authenticator/worker.js": "anybody",
    "/authenticator/calls/<act>": "a phone's key",
    "/admin": "anybody, who is sent on",
    "/admin/other": "anybody, who is asked to sign in",
    "/admin/applications": "an owner's session",
    "/admin/applications/new": "an owner's session",
    "/admin/applications/new/<draft_id>": "an owner's session",
    "/admin/applications/<partner_id>": "an owner's session",
    "/saml/sso": "a partner's request",
    "/channels/receipts/<name>/<secret>": "the address that a carrier was told",
    "/channels/calls/<name>/<secret>": "the address that a carrier was told, and its signature",
    "/channels/calls/<name>/<secret>/ended": "the address that a carrier was told, and its signature",
    "/oidc/token": "a client's secret or verifier",
    "/oidc/introspect": "a client's secret or key",
    "/oidc/revoke": "a client's secret or the token",
    "/oidc/userinfo": "an access token",
    "/signin/<sign_in_id>": "the browser of the sign-in",
    "/signin/<sign_in_id>/again": "the browser of the sign-in",
    "/signin/<sign_in_id>/cancel": "the browser of the sign-in",
    "/signin/<sign_in_id>/choose": "the browser of the sign-in",
    "/signin/<sign_in_id>/confirm": "the browser of the sign-in",
    "/signin/<sign_in_id>/enrol": "the browser of the sign-in",
    "/signin/<sign_in_id>/later": "the browser of the sign-in",
    "/signin/<sign_in_id>/outcome": "the browser of the sign-in",
    "/signin/<sign_in_id>/recovery-codes.txt": "the browser of the sign-in",
    "/signin/arrive/<arrival>": "a one-time id",
    "/signout": "the browser's session",
    "/signout/onward/<chain>": "the browser of the sign-out",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def installation(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    opened = Installation(template, tmp_path_factory.mktemp("rows") / "data")
    yield opened
    opened.close()


def get(installation: Installation, path: str, raw_query: str = "", method: str = "GET") -> int:
    outcome = installation.send(
        Sent(method=method, path=path, query=raw_query.encode(), headers={"Host": "id.example"})
    )
    assert not outcome.broken
    return outcome.status


def test_case_67c_every_address_is_one_we_meant(installation: Installation) -> None:
    assert installation.addresses() == set(ADDRESSES)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/people",
        "/api/v1/",
        "/console",
        "/debug",
        "/metrics",
        "/test",
        "/__debug__",
        "/.env",
        "/idp.toml",
        "/var/idp.db",
    ],
)
def test_case_67c_nothing_answers_elsewhere(installation: Installation, path: str) -> None:
    assert get(installation, path) == 404


def test_case_67c_no_method_tells_more_than_get(installation: Installation) -> None:
    for path in ("/healthz", "/saml/metadata", "/oidc/jwks"):
        for method in ("TRACE", "PUT", "DELETE", "PATCH", "DEBUG"):
            assert get(installation, path, method=method) == 405


@pytest.mark.parametrize("times", [1, 900])
def test_case_03_extensions_of_a_logout_request_cost_bounded_time(
    installation: Installation, template: Path, times: int
) -> None:
    sp = senders(template)["plain"]
    about = installation.mint("logout")
    inner = (
        '<x xmlns="urn:other">' * 20 + "</x>" * 20 if times == 1 else '<x xmlns="urn:other" y="z"/>' * times
    )
    xml = logout_request(about["now"], name_id=about["name_id"], index=about["index"], issuer=sp.entity_id)
    extended = xml.replace("</saml:Issuer>", f"</saml:Issuer><samlp:Extensions>{inner}</samlp:Extensions>")
    began = time.process_time()
    assert get(installation, "/saml/slo", query(extended, key=sp.key)) == 303
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/",
        "http://[::1]/",
        "https://evil.example/",
        "file:///etc/passwd",
    ],
)
def test_case_42_no_address_in_a_message_is_fetched(
    installation: Installation, template: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something connects, or looks a name up")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    sp, now = senders(template)["plain"], installation.mint("now")["now"]
    for name in ("request_uri", "sector_identifier_uri", "jwks_uri", "logo_uri", "redirect_uri"):
        asked = "&".join(f"{key}={value}" for key, value in asking(**{name: address}).items())
        assert get(installation, "/oidc/authorize", asked.replace(" ", "+")) in (303, 400)
    hint = f' xmlns:xsi="{XSI}" xsi:schemaLocation="urn:x {address}" Version='
    hinted = authn_request(now, issuer=sp.entity_id).replace(" Version=", hint)
    assert get(installation, "/saml/sso", query(hinted)) in (303, 400)
    root = etree.fromstring(sp.metadata())
    root.set(f"{{{XSI}}}schemaLocation", f"urn:x {address}")
    root[0].set("errorURL", address)
    assert installation.call("partner-metadata", etree.tostring(root)).status in (200, 422)
