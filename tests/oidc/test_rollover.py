"""Clients that keep the published keys for a while go on through key rollovers: openid-client, Authlib."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from authlib.integrations.flask_client import OAuth
from flask import Flask

from idp.core.model import Person
from tests.oidc.house import SECRET, TEST, decoded
from tests.oidc.test_openid_client import CALLBACK, PEERS, Live, live
from tests.peers import require

__all__ = ["live"]

# Longer than clients wait before they look for an unknown key again, and than our Cache-Control says.
LATER = 400


@pytest.fixture(scope="module")
def program(node_program: Callable[[Path], Path]) -> Path:
    return node_program(PEERS / "through_rollover.mjs")


def add_client(live: Live, alg: str) -> Person:
    live.house.add_client("peer", redirect_uris=[CALLBACK], id_token_alg=alg)
    with live.house.store.write() as unit:
        # As in every installation: the next key is published before it signs.
        live.house.ring.ensure(unit, actor=TEST, key_set=live.house.issuers.default().key_set)
    return live.house.add_person()


def rotate(live: Live) -> None:
    with live.house.store.write() as unit:
        live.house.ring.rotate(unit, actor=TEST, key_set=live.house.issuers.default().key_set)


@contextmanager
def started(program: Path, node: str, given: dict[str, str]) -> Iterator[Callable[[int], dict[str, Any]]]:
    """Start the program; give a function that lets some seconds pass and signs in."""
    process = subprocess.Popen(
        [node, program, json.dumps(given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def sign_in(seconds: int) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(f"{seconds}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return dict(json.loads(line))

    try:
        yield sign_in
    finally:
        process.communicate(timeout=30)


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_openid_client_goes_on_through_two_rollovers(program: Path, live: Live, alg: str) -> None:
    ada = add_client(live, alg)
    given = {
        "issuer": live.base,
        "clientId": "peer",
        "secret": SECRET,
        "alg": alg,
        "redirectUri": CALLBACK,
        "cookie": f"countersign-session={live.house.open_session(ada)}",
    }
    with started(program, require("node"), given) as sign_in:
        kids = [sign_in(0)["kid"]]
        rotate(live)
        # At once: the key that signs now was published before, and is in the client's cache.
        kids.append(sign_in(0)["kid"])
        live.house.clock.advance(seconds=LATER)
        rotate(live)
        answer = sign_in(LATER)
        kids.append(answer["kid"])
    assert len(set(kids)) == 3
    assert answer["sub"] == ada.id


class Party:
    """A relying party on Authlib, as a Flask application has it."""

    def __init__(self, live: Live, cookie: str) -> None:
        app = Flask("party")
        app.secret_key = "for the test"
        oauth = OAuth(app)
        self.remote = oauth.register(
            "idp",
            client_id="peer",
            client_secret=SECRET,
            server_metadata_url=live.base + "/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email", "code_challenge_method": "S256"},
        )
        app.add_url_rule("/login", "login", lambda: self.remote.authorize_redirect(CALLBACK))
        app.add_url_rule("/cb", "cb", self.remote.authorize_access_token)
        self.browser = app.test_client()
        self.cookie = cookie

    def sign_in(self) -> tuple[str, dict[str, Any]]:
        """Return the key id of the ID token that Authlib has verified, and its claims."""
        asked = self.browser.get("/login").headers["Location"]
        sent = requests.get(asked, headers={"Cookie": self.cookie}, allow_redirects=False, timeout=30)
        back = sent.headers["Location"].removeprefix(CALLBACK)
        tokens = self.browser.get("/cb" + back).get_json()
        return decoded(tokens["id_token"])[0]["kid"], tokens["userinfo"]


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_authlib_goes_on_through_two_rollovers(live: Live, alg: str) -> None:
    ada = add_client(live, alg)
    party = Party(live, f"countersign-session={live.house.open_session(ada)}")
    kids = [party.sign_in()[0]]
    for _ in range(2):
        rotate(live)
        kid, claims = party.sign_in()
        kids.append(kid)
    assert len(set(kids)) == 3
    assert claims["sub"] == ada.id


def test_every_key_that_may_have_signed_a_living_token_is_published(live: Live) -> None:
    ada = add_client(live, "RS256")
    party = Party(live, f"countersign-session={live.house.open_session(ada)}")
    kids = {party.sign_in()[0]}
    for _ in range(3):
        rotate(live)
        kids.add(party.sign_in()[0])
    keys = requests.get(live.base + "/oidc/jwks", timeout=30)
    published = {key["kid"]: key for key in keys.json()["keys"]}
    assert kids < set(published)
    assert {key["alg"] for key in published.values()} == {"RS256", "ES256"}
    assert "max-age=300" in keys.headers["Cache-Control"]
