"""Real clients that live on tokens: npm's openid-client and Authlib's, over HTTP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

from idp.core.model import Person
from idp.partners import jwks
from tests.oidc.house import SECRET
from tests.oidc.test_openid_client import CALLBACK, PEERS, Live, live  # noqa: F401 - a fixture
from tests.peers import require

RESOURCE = "http://orders.example/"
KEY = ECKey.generate_key("P-256", {"kid": "of-the-machine"})
COOKIE = "countersign-session="


@pytest.fixture(scope="module")
def program(node_program: Callable[[Path], Path]) -> Path:
    """Install openid-client as locked; return the program."""
    return node_program(PEERS / "tokens.mjs")


@pytest.fixture
def ada(live: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:  # noqa: F811
    """Register an API, an application and a machine; return a person."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    house = live.house
    house.add_api("orders", RESOURCE, alg="ES256")
    may_call = {"orders": ["read"]}
    house.add_client(
        "peer", redirect_uris=[CALLBACK], post_logout_redirect_uris=[], refresh=True, may_call=may_call
    )
    house.add_client(
        "machine",
        secret="",
        jwks=jwks.read(json.dumps({"keys": [KEY.as_dict(private=False)]})),
        redirect_uris=[],
        post_logout_redirect_uris=[],
        machine=True,
        may_call=may_call,
    )
    return house.add_person()


def test_openid_client_lives_on_its_tokens(program: Path, live: Live, ada: Person) -> None:  # noqa: F811
    given = {
        "issuer": live.base,
        "secret": SECRET,
        "redirectUri": CALLBACK,
        "resource": RESOURCE,
        "jwk": KEY.as_dict(private=True),
        "cookie": COOKIE + live.house.open_session(ada),
    }
    ran = subprocess.run(
        [require("node"), program, json.dumps(given)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    learned = json.loads(ran.stdout)
    assert learned["userinfo"]["email"] == "ada@example.com"
    assert learned["scope"] == "read"
    seen, own = learned["seen"], learned["ownSeen"]
    assert (seen["active"], seen["aud"], seen["sub"], seen["client_id"]) == (True, RESOURCE, ada.id, "peer")
    assert learned["revoked"] == {"active": False}
    assert learned["after"] == "invalid_grant"
    assert (own["active"], own["sub"], own["scope"]) == (True, "machine", "read")


def test_authlibs_client_lives_on_its_tokens(live: Live, ada: Person) -> None:  # noqa: F811
    session = OAuth2Session(
        "peer",
        SECRET,
        scope="openid email",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint=live.base + "/oidc/token",
        revocation_endpoint_auth_method="client_secret_basic",
    )
    verifier = "v" * 64
    address, _ = session.create_authorization_url(live.base + "/oidc/authorize", code_verifier=verifier)
    cookie = {"Cookie": COOKIE + live.house.open_session(ada)}
    answered = requests.get(address, headers=cookie, allow_redirects=False, timeout=10)
    session.fetch_token(authorization_response=answered.headers["Location"], code_verifier=verifier)
    first: Any = dict(session.token)
    second = session.refresh_token(live.base + "/oidc/token")
    assert second["refresh_token"] != first["refresh_token"]
    assert session.get(live.base + "/oidc/userinfo").json()["email"] == "ada@example.com"
    told = session.introspect_token(live.base + "/oidc/introspect", token=second["access_token"])
    assert told.json()["active"] is True
    revoked = session.revoke_token(
        live.base + "/oidc/revoke", token=second["refresh_token"], token_type_hint="refresh_token"
    )
    assert revoked.status_code == 200
    assert session.get(live.base + "/oidc/userinfo").status_code == 401


def test_authlibs_machine_signs_its_name(live: Live, ada: Person) -> None:  # noqa: F811
    endpoint = live.base + "/oidc/token"
    session = OAuth2Session("machine", KEY, token_endpoint_auth_method=PrivateKeyJWT(endpoint, alg="ES256"))
    token = session.fetch_token(endpoint, grant_type="client_credentials", scope="read")
    told = live.house.introspect(token["access_token"])
    assert (told["active"], told["sub"], told["aud"]) == (True, "machine", RESOURCE)
