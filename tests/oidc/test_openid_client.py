"""A real relying party, npm's openid-client, over HTTP: discovery to sign-out, everything it checks."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from threading import Thread

import pytest
from werkzeug.serving import make_server

from idp.oidc import contexts
from idp.store import revisioned
from tests.oidc.house import SECRET, House, build
from tests.peers import require

PEERS = Path(__file__).parent / "peers"
# On 127.0.0.1, whose port may vary; nobody listens there, since nothing follows the redirect.
CALLBACK = "http://127.0.0.1:49500/cb"
GOODBYE = "http://127.0.0.1:49500/bye"


@dataclass(frozen=True)
class Live:
    """The application, served on loopback."""

    house: House
    base: str


@pytest.fixture(scope="module")
def relying_party(node_program: Callable[[Path], Path]) -> Path:
    """Install openid-client as locked; return the program."""
    return node_program(PEERS / "relying_party.mjs")


@pytest.fixture
def live(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """Serve the application at an address that it knows as its own."""
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 0.0)
    with socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    house = build(prepared, tmp_path / "data", base=base)
    # The client has a clock of its own.
    house.clock.advance(seconds=(datetime.now(UTC) - house.clock.now()).total_seconds())
    server = make_server("127.0.0.1", port, house.app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Live(house=house, base=base)
    server.shutdown()
    thread.join()
    server.server_close()
    house.store.dispose()


@pytest.mark.parametrize(
    ("way", "alg"), [("basic", "RS256"), ("post", "RS256"), ("none", "RS256"), ("basic", "ES256")]
)
def test_openid_client_signs_in_and_out(relying_party: Path, live: Live, way: str, alg: str) -> None:
    house = live.house
    secret = "" if way == "none" else SECRET
    house.add_client(
        "peer",
        secret=secret,
        redirect_uris=[CALLBACK],
        post_logout_redirect_uris=[GOODBYE],
        id_token_alg=alg,
    )
    ada = house.add_person()
    given = {
        "issuer": live.base,
        "clientId": "peer",
        "secret": secret,
        "way": way,
        "alg": alg,
        "redirectUri": CALLBACK,
        "goodbye": GOODBYE,
        "cookie": f"countersign-session={house.open_session(ada)}",
    }
    ran = subprocess.run(
        [require("node"), relying_party, json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    learned = json.loads(ran.stdout)
    assert learned["claims"]["sub"] == ada.id
    assert learned["claims"]["acr"] == contexts.REFEDS_MFA
    assert learned["userinfo"]["email"] == "ada@example.com"
    assert learned["goodbye"] == GOODBYE + "?state=bye"
    assert learned["after"] == "login_required"
