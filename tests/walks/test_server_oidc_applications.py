"""npm's openid-client against `idp serve`: discovery, sign-in, userinfo, sign-out, and a plain no."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers import require
from tests.walks.browser import Browser
from tests.walks.server import CALLBACK, Server

PROGRAM = Path(__file__).parents[1] / "oidc" / "peers" / "relying_party.mjs"
GOODBYE = "https://wiki.example/goodbye"
SECRET = "a secret of the application"
REFEDS_MFA = "https://refeds.org/profile/mfa"


@dataclass(frozen=True)
class Client:
    """A registered client: how it proves itself, and the algorithm of its id_tokens."""

    way: str
    alg: str

    @property
    def id(self) -> str:
        return f"openid-client-{self.way}"

    def register(self, server: Server) -> None:
        kind = "--public" if self.way == "none" else "--secret-stdin"
        options = ["--redirect-uri", CALLBACK, "--post-logout-redirect-uri", GOODBYE]
        server.idp(
            "partner", "add-oidc", self.id, *options, "--id-token-alg", self.alg, kind, given=SECRET + "\n"
        )


CLIENTS = (Client("basic", "RS256"), Client("post", "ES256"), Client("none", "RS256"))


@pytest.fixture(scope="module", params=CLIENTS, ids=str)
def client(registered: tuple[Client, ...], request: pytest.FixtureRequest) -> Client:
    """Give one registered client after another."""
    found: Client = request.param
    return found


@pytest.fixture(scope="module")
def registered(server: Server) -> tuple[Client, ...]:
    """Register all clients, so that the workers hear of them at once."""
    for each in CLIENTS:
        each.register(server)
    server.settle()
    return CLIENTS


def test_openid_client_signs_in_and_out(
    server: Server, browser: Browser, client: Client, node_program: Callable[[Path], Path]
) -> None:
    person = server.someone()
    assert browser.authorize(client.id).password(person).code(person).issued
    learned = _run(server, browser, client, node_program(PROGRAM))
    assert learned["claims"]["iss"] == server.base
    assert learned["claims"]["acr"] == REFEDS_MFA
    assert set(learned["claims"]["amr"]) == {"pwd", "otp", "mfa"}
    assert learned["userinfo"]["email"] == f"{person.name}@example.org"
    assert learned["goodbye"] == GOODBYE + "?state=bye"
    assert learned["after"] == "login_required"
    assert not browser.authorize(client.id, prompt="none").issued


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"prompt": "none"}, "login_required"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"acr_values": "urn:example:blood-sample", "prompt": "none"}, "login_required"),
    ],
    ids=str,
)
def test_a_client_hears_no_in_its_own_words(
    browser: Browser, wiki: str, asked: dict[str, str], error: str
) -> None:
    browser.authorize(wiki, **asked)
    assert browser.left is not None
    assert browser.left.address.startswith(CALLBACK + "?")
    assert browser.left.parameters["error"] == error
    assert browser.left.parameters["iss"] == browser.base


def test_a_client_may_ask_for_one_person_and_hears_no_about_another(
    server: Server, browser: Browser, wiki: str
) -> None:
    first, second = server.someone(), server.someone()
    browser.authorize(wiki).password(first).code(first)
    hint = browser.tokens()["id_token"]
    browser.authorize(wiki, prompt="login", id_token_hint=hint).password(second)
    assert not browser.issued


def _run(server: Server, browser: Browser, client: Client, program: Path) -> dict:
    given = {
        "issuer": server.base,
        "clientId": client.id,
        "secret": "" if client.way == "none" else SECRET,
        "way": client.way,
        "alg": client.alg,
        "redirectUri": CALLBACK,
        "goodbye": GOODBYE,
        "cookie": f"countersign-session={browser.cookie('session')}",
    }
    ran = subprocess.run(
        [require("node"), program, json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)
