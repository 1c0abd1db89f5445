"""Every member of discovery against what happens: none is untried, and none is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from idp.core.ids import new_id
from idp.directory.people import NewPerson
from idp.oidc.client_request import ASSERTION
from idp.partners import jwks
from tests.oidc.house import BASE, CALLBACK, SECRET, House, decoded, said
from tests.oidc.test_client_request import basic
from tests.oidc.test_logout import signed_in

Check = Callable[[House, Any], None]
RSA, EC = RSAKey.generate_key(2048), ECKey.generate_key("P-256")
_CHECKS: dict[str, Check] = {}


def member(*names: str) -> Callable[[Check], Check]:
    def note(check: Check) -> Check:
        _CHECKS.update(dict.fromkeys(names, check))
        return check

    return note


def document(house: House) -> dict[str, Any]:
    return dict(house.app.test_client().get("/.well-known/openid-configuration", base_url=BASE).get_json())


def ada(house: House, *factors: str) -> FlaskClient:
    """Return a browser in which the one person is signed in, by these factors."""
    with house.store.read() as connection:
        person = house.people.find(connection, "ada")
    return house.browser(person or house.add_person(), *factors)


def id_token(house: House, **changed: str | None) -> dict[str, Any]:
    return decoded(house.tokens(ada(house), **changed)["id_token"])[1]


# How clients authenticate -------------------------------------------------------------------------
def assertion(house: House, alg: str) -> dict[str, str]:
    now = int(house.clock.now().timestamp())
    claims = {"iss": "keyed", "sub": "keyed", "aud": BASE, "jti": new_id(), "iat": now, "exp": now + 60}
    key = EC if alg == "ES256" else RSA
    header = {"alg": alg, "kid": key.as_dict(private=False).get("kid") or key.thumbprint()}
    signed = jwt.encode(header, claims, key, algorithms=[alg])
    return {"client_assertion": signed, "client_assertion_type": ASSERTION}


def keyed(house: House) -> None:
    if "keyed" not in house.registered:
        public = [{**key.as_dict(private=False), "kid": key.thumbprint()} for key in (RSA, EC)]
        house.add_client("keyed", secret="", jwks=jwks.read(json.dumps({"keys": public})))


def as_client(house: House, method: str, alg: str = "RS256") -> tuple[dict[str, str], dict[str, str]]:
    """Return form and headers that authenticate a client by this method."""
    keyed(house)
    ways: Mapping[str, tuple[dict[str, str], dict[str, str]]] = {
        "client_secret_basic": ({}, {"Authorization": basic("wiki", SECRET)}),
        "client_secret_post": ({"client_id": "wiki", "client_secret": SECRET}, {}),
        "private_key_jwt": (assertion(house, alg), {}),
        "none": ({"client_id": "app"}, {}),
    }
    return ways[method]


def authenticates(house: House, path: str, method: str, alg: str = "RS256") -> bool:
    form, headers = as_client(house, method, alg)
    asked = {"token": "x", "grant_type": "authorization_code", "code": "x", "redirect_uri": CALLBACK}
    answer = house.post(path, {**asked, **form}, headers=headers)
    assert answer.status_code in {200, 400, 401}
    return "invalid_client" not in answer.text


_PATHS = {"token": "/oidc/token", "introspection": "/oidc/introspect", "revocation": "/oidc/revoke"}


def methods_of(endpoint: str) -> Check:
    def check(house: House, methods: list[str]) -> None:
        for method in ("client_secret_basic", "client_secret_post", "private_key_jwt", "none"):
            assert authenticates(house, _PATHS[endpoint], method) is (method in methods), method

    return check


def algorithms_of(endpoint: str) -> Check:
    def check(house: House, algorithms: list[str]) -> None:
        for alg in ("RS256", "PS256", "ES256", "RS512"):
            there = authenticates(house, _PATHS[endpoint], "private_key_jwt", alg)
            assert there is (alg in algorithms), alg

    return check


for _endpoint in _PATHS:
    member(f"{_endpoint}_endpoint_auth_methods_supported")(methods_of(_endpoint))
    member(f"{_endpoint}_endpoint_auth_signing_alg_values_supported")(algorithms_of(_endpoint))


# Addresses ----------------------------------------------------------------------------------------
@member("issuer")
def _(house: House, issuer: str) -> None:
    answer = said(house.authorize(ada(house)))
    assert issuer == answer["iss"] == id_token(house)["iss"]


@member("jwks_uri")
def _(house: House, address: str) -> None:
    token = house.tokens(ada(house))["id_token"]
    keys = house.app.test_client().get(address, base_url=BASE).get_json()
    assert jwt.decode(token, KeySet.import_key_set(keys)).claims["aud"] == "wiki"


@member("authorization_endpoint", "end_session_endpoint")
def _(house: House, address: str) -> None:
    assert house.app.test_client().get(address).status_code in {200, 400}


@member(
    "token_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "pushed_authorization_request_endpoint",
)
def _(house: House, address: str) -> None:
    answer = house.app.test_client().post(address, data={})
    assert answer.get_json()["error"] in {"invalid_request", "invalid_client"}


@member("userinfo_endpoint")
def _(house: House, address: str) -> None:
    bearer = {"Authorization": f"Bearer {house.tokens(ada(house))['access_token']}"}
    assert house.app.test_client().get(address, headers=bearer).get_json()["sub"]


@member("require_pushed_authorization_requests")
def _(house: House, required: bool) -> None:
    assert ("code" not in said(house.authorize(ada(house)))) is required


# What may be asked for ----------------------------------------------------------------------------
@member("scopes_supported")
def _(house: House, scopes: list[str]) -> None:
    house.allow("wiki", refresh=True)
    browser = ada(house)
    response = house.authorize(browser, scope=" ".join([*scopes, "unheard"]))
    granted = house.token(house.consent(browser, response)).get_json()["scope"]
    assert set(granted.split()) == set(scopes)


@member("response_types_supported")
def _(house: House, types: list[str]) -> None:
    for wanted in ("code", "token", "id_token", "code id_token", "code token", "none"):
        assert ("code" in said(house.authorize(ada(house), response_type=wanted))) is (wanted in types)


@member("response_modes_supported")
def _(house: House, modes: list[str]) -> None:
    for mode in ("query", "form_post", "fragment", "jwt", "web_message"):
        answer = house.authorize(ada(house), response_mode=mode)
        posted = re.search(r'name="code" value="[^"]+"', answer.text)
        there = posted is not None if mode == "form_post" else "code" in said(answer)
        assert there is (mode in modes), mode


@member("grant_types_supported")
def _(house: House, types: list[str]) -> None:
    for grant_type in ("authorization_code", "refresh_token", "client_credentials", "password", "implicit"):
        answer = house.post(
            "/oidc/token", {"grant_type": grant_type, "client_id": "wiki", "client_secret": SECRET}
        ).get_json()
        assert (answer["error"] != "unsupported_grant_type") is (grant_type in types), grant_type


@member("code_challenge_methods_supported")
def _(house: House, methods: list[str]) -> None:
    for method in ("S256", "plain"):
        answer = said(house.authorize(ada(house), code_challenge_method=method))
        assert ("code" in answer) is (method in methods)


@member("prompt_values_supported")
def _(house: House, prompts: list[str]) -> None:
    for prompt in ("none", "login", "consent", "select_account", "create"):
        refused = "error=invalid_request" in house.authorize(ada(house), prompt=prompt).headers["Location"]
        assert refused is (prompt not in prompts), prompt


@member("acr_values_supported")
def _(house: House, values: list[str]) -> None:
    for acr in values:
        browser = ada(house, "password", "passkey")
        assert decoded(house.tokens(browser, acr_values=acr)["id_token"])[1]["acr"] == acr


@member("claims_parameter_supported")
def _(house: House, supported: bool) -> None:
    assert ("email" in id_token(house, claims='{"id_token": {"email": null}}')) is supported


@member("request_parameter_supported")
def _(house: House, supported: bool) -> None:
    assert (
        said(house.authorize(ada(house), request="e30"))["error"] == "request_not_supported"
    ) is not supported


@member("request_uri_parameter_supported")
def _(house: House, supported: bool) -> None:
    asked = house.authorize(ada(house), request_uri="https://wiki.example/request")
    assert (said(asked)["error"] == "request_uri_not_supported") is not supported


@member("authorization_response_iss_parameter_supported")
def _(house: House, supported: bool) -> None:
    for changed in ({}, {"prompt": "none", "acr_values": "x"}, {"scope": "email"}):
        assert ("iss" in said(house.authorize(ada(house), **changed))) is supported
    assert said(house.authorize(house.browser(), prompt="none"))["iss"] == BASE


@member("ui_locales_supported")
def _(house: House, locales: list[str]) -> None:
    assert len(locales) > 1
    for locale in locales:
        browser = house.browser()
        asked = house.authorize(browser, ui_locales=locale)
        page = browser.get(asked.headers["Location"], base_url=BASE)
        assert f'<html lang="{locale}"' in page.text


# What is told -------------------------------------------------------------------------------------
@member("subject_types_supported")
def _(house: House, types: list[str]) -> None:
    house.add_client("pair", sector="wiki.example")
    public = id_token(house)["sub"]
    code = house.code(ada(house), client_id="pair")
    pairwise = decoded(house.token(code, client_id="pair").get_json()["id_token"])[1]["sub"]
    assert types == ["public", "pairwise"]
    assert pairwise != public


@member("id_token_signing_alg_values_supported")
def _(house: House, algorithms: list[str]) -> None:
    for alg in algorithms:
        house.add_client(alg.lower(), id_token_alg=alg)
        code = house.code(ada(house), client_id=alg.lower())
        token = house.token(code, client_id=alg.lower()).get_json()["id_token"]
        assert decoded(token)[0]["alg"] == alg


@member("claim_types_supported")
def _(house: House, types: list[str]) -> None:
    tokens = house.tokens(ada(house), scope="openid profile email phone address groups")
    told = house.userinfo(tokens["access_token"]).get_json()
    assert ("_claim_names" in told or "_claim_sources" in told) is (types != ["normal"])


@member("claims_supported")
def _(house: House, names: list[str]) -> None:
    attributes = dict.fromkeys(
        ("mail", "givenName", "sn", "eduPersonNickname", "preferredLanguage", "mobile", "l"), ("a value",)
    )
    house.change("wiki", release=("uid", "displayName", "groups", *attributes))
    new = NewPerson(name="told", display_name="Told", attributes=attributes, groups=("staff",))
    with house.store.write() as unit:
        person = house.people.add(unit, new)
    scope = "openid profile email phone address groups"
    tokens = house.tokens(house.browser(person), scope=scope, nonce="n")
    told = {*house.userinfo(tokens["access_token"]).get_json(), *decoded(tokens["id_token"])[1]}
    assert told == set(names)


# Sign-out -----------------------------------------------------------------------------------------
@member("frontchannel_logout_supported", "frontchannel_logout_session_supported")
def _(house: House, supported: bool) -> None:
    house.add_client("framed", frontchannel_logout_uri="https://wiki.example/out")
    browser = ada(house)
    house.code(browser, client_id="framed")
    page = browser.post("/signout", base_url=BASE)
    frame = re.search(r'<iframe[^>]* src="([^"]+)"', page.text)
    assert (frame is not None and "sid=" in unescape(frame[1])) is supported
    assert not signed_in(house, browser)


@member("backchannel_logout_supported", "backchannel_logout_session_supported")
def _(house: House, supported: bool) -> None:
    house.add_client("behind", backchannel_logout_uri="https://wiki.example/out")
    browser = ada(house)
    house.code(browser, client_id="behind")
    browser.post("/signout", base_url=BASE)
    assert house.ground.outbox.waiting(["oidc-logout"]) is supported


# All of it ----------------------------------------------------------------------------------------
@pytest.fixture
def fresh(house: House) -> Iterator[House]:
    house.add_person()
    return house


def test_no_member_is_untried(house: House) -> None:
    assert set(document(house)) == set(_CHECKS)


@pytest.mark.parametrize("name", sorted(_CHECKS))
def test_each_member_is_true(fresh: House, name: str) -> None:
    _CHECKS[name](fresh, document(fresh)[name])
