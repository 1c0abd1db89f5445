"""@node-saml/node-saml with its defaults, which want assertion and response signed, as a peer."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.core.clock import SystemClock
from idp.core.errors import Denied, Reason
from idp.core.model import Reply, SubjectForm
from idp.store import revisioned
from tests.peers import require
from tests.saml.asking import asked_by, heard_by
from tests.saml.house import BASE, ENTITY, House, build
from tests.saml.sp import Sp

PEERS = Path(__file__).parent / "peers"
APP = "https://node.example"


@dataclass(frozen=True)
class Node:
    """A running service provider, and the house that knows it."""

    house: House
    process: subprocess.Popen[str]

    def do(self, what: str, **arguments: Any) -> Any:
        """Let it do something. Raises ValueError with its words when it refuses."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        if "error" in said:
            raise ValueError(said["error"])
        return said["ok"]


@pytest.fixture(scope="module")
def program(node_program: Callable[[Path], Path]) -> Path:
    """Install node-saml as locked; return the program."""
    return node_program(PEERS / "service_provider.mjs")


@pytest.fixture
def house(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Return the room by the machine's clock, which the peer looks at too."""
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 0.0)
    built = build(prepared, tmp_path / "data", SystemClock())
    yield built
    built.store.dispose()


@pytest.fixture
def node(house: House, key: rsa.RSAPrivateKey, program: Path) -> Iterator[Node]:
    """Run the service provider; it knows us, and its metadata is imported here."""
    sp = Sp(key)
    given = {
        "app": APP,
        "sso": f"{BASE}/saml/sso",
        "slo": f"{BASE}/saml/slo",
        "idpIssuer": ENTITY,
        "idpCert": [each.certificate for each in house.keys.published("default") if each.alg == "RS256"],
        "privateKey": sp.key_pem,
        "publicCert": sp.pem,
    }
    command = [str(require("node")), str(program), json.dumps(given)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        running = Node(house, process)
        # By its defaults it wants the Response signed too, which metadata cannot say.
        house.add_metadata(running.do("metadata").encode(), sign_response=True)
        yield running
        process.terminate()


def fields(reply: Reply) -> dict[str, str]:
    assert reply.fields is not None
    return dict(reply.fields)


def test_node_saml_accepts_our_answer(node: Node) -> None:
    # No space in it: node-saml signs %20 and sends +, so that its own signature does not hold.
    location = node.do("authorize", relayState="/deep/link?x=1&y=ü")
    arrival = node.house.inbound.by_redirect(urlsplit(location).query)
    assert arrival.denied is None
    assert arrival.request.echo["relay_state"] == "/deep/link?x=1&y=ü"
    # By default it asks for an e-mail address and for exactly PasswordProtectedTransport.
    assert arrival.request.subject is SubjectForm.EMAIL
    granted = node.house.grant(arrival.request)
    profile = node.do("accept", fields=fields(node.house.door.answer(granted)))
    assert profile["nameID"] == "ada@example.com"
    assert profile["sessionIndex"] == granted.participant
    assert profile["urn:oid:0.9.2342.19200300.100.1.1"] == "ada"
    assert profile["attributes"]["urn:oid:2.16.840.1.113730.3.1.241"] == "Ada Lovelace"


def test_node_samls_post_binding_is_understood(node: Node) -> None:
    form = node.do("form", relayState="x")
    assert b"<Signature" in base64.b64decode(form["SAMLRequest"])
    arrival = node.house.inbound.by_post(form)
    assert (arrival.denied, arrival.request.echo["relay_state"]) == (None, "x")


def test_node_saml_refuses_an_answer_that_it_saw_before(node: Node) -> None:
    arrival = node.house.inbound.by_redirect(urlsplit(node.do("authorize", relayState="")).query)
    posted = fields(node.house.door.answer(node.house.grant(arrival.request)))
    node.do("accept", fields=posted)
    with pytest.raises(ValueError, match="InResponseTo"):
        node.do("accept", fields=posted)


def test_node_saml_understands_our_denial(node: Node) -> None:
    arrival = node.house.inbound.by_redirect(urlsplit(node.do("authorize", relayState="")).query)
    reply = node.house.door.deny(arrival.request, Denied("You have no access.", reason=Reason.ACCESS))
    with pytest.raises(ValueError, match="You have no access"):
        node.do("accept", fields=fields(reply))


def test_node_saml_signs_out_and_is_signed_out(node: Node) -> None:
    # It takes logout by Redirect, though its metadata names the POST binding.
    metadata = node.do("metadata").replace("bindings:HTTP-POST", "bindings:HTTP-Redirect", 1)
    partner = node.house.add_metadata(metadata.encode())
    participant, _ = node.house.participant(partner)
    # It asks us,
    persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
    profile = {
        "nameID": participant.subject.value,
        "nameIDFormat": persistent,
        "sessionIndex": participant.id,
    }
    heard = asked_by(node.house, urlsplit(node.do("logout", profile=profile)).query)
    assert heard.participants == (participant,)
    answer = node.house.door.signed_out(heard.finish, complete=True)
    assert node.do("heard", query=urlsplit(answer.address).query) == {"profile": None, "loggedOut": True}
    # and we ask it.
    ending = node.house.door.end(participant, chain="chain")
    assert ending.reply is not None
    told = node.do("heard", query=urlsplit(ending.reply.address).query)["profile"]
    assert (told["nameID"], told["sessionIndex"]) == (participant.subject.value, participant.id)
    assert heard_by(node.house, urlsplit(node.do("answer", profile=told)).query).ok
