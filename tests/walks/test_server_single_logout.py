"""Single logout across applications of five makes in one browser session; all answers are encrypted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from tests.peers import require
from tests.saml.sp import SAML, Sp
from tests.walks.applications import Application, PySaml2, Python3Saml, message_of
from tests.walks.browser import Browser, Left
from tests.walks.node_application import PROGRAM, NodeSaml
from tests.walks.programs import SAMLIFY, Lasso, Program, Samlify
from tests.walks.server import Server

FIVE = ("pysaml2", "python3-saml", "node-saml", "samlify", "lasso")


class Member(Protocol):
    """An application that takes part in single logout."""

    app: str

    def metadata(self) -> bytes: ...
    def ask(self) -> Left: ...
    def accept(self, answer: Left) -> Any: ...
    def leave(self, seen: Any) -> Left: ...
    def left(self, answer: Left) -> None: ...
    def told(self, asked: Left) -> Left: ...


class ByRedirect:
    """One of the applications of the other walks, which speak logout by Redirect."""

    def __init__(self, application: Application) -> None:
        self.app = application.app
        self._application = application

    def metadata(self) -> bytes:
        return self._application.metadata()

    def ask(self) -> Left:
        return self._application.ask()

    def accept(self, answer: Left) -> Any:
        return self._application.accept(answer)

    def leave(self, seen: Any) -> Left:
        return Left(self._application.sign_out(seen))

    def left(self, answer: Left) -> None:
        self._application.signed_out(answer.address)

    def told(self, asked: Left) -> Left:
        return Left(self._application.told(asked.address))


@pytest.fixture(scope="module")
def five(
    server: Server, node_program: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Member]]:
    """Give the five applications, each trusted by the provider and answered encrypted."""
    folder = tmp_path_factory.mktemp("five")
    sp = Sp(rsa.generate_private_key(65537, 2048))
    ours = server.get("/saml/metadata")[2].decode()
    node = NodeSaml(ours, sp, node_program(PROGRAM), app="https://node-five.example", decrypts=True)
    samlify, lasso = Samlify(ours, sp, node_program(SAMLIFY)), Lasso(ours, sp)
    made: dict[str, Member] = {
        "pysaml2": ByRedirect(
            PySaml2(ours, sp, folder, require("xmlsec1"), app="https://pysaml2-five.example", decrypts=True)
        ),
        "python3-saml": ByRedirect(
            Python3Saml(ours, sp, signs=True, app="https://python3-five.example", decrypts=True)
        ),
        "node-saml": ByRedirect(node),
        "samlify": samlify,
        "lasso": lasso,
    }
    for name, member in made.items():
        (folder / "metadata.xml").write_bytes(member.metadata())
        server.idp("partner", "import", str(folder / "metadata.xml"), "--name", name, "--encrypt", "always")
    server.settle()
    yield made
    for program in (node, samlify, lasso):
        program.close()


def send(browser: Browser, message: Left) -> Browser:
    """Take a message to the provider as the browser does."""
    if not message.fields:
        return browser.open(message.address)
    origin = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    return browser.post(message.address, message.fields, **origin)


def sign_in(server: Server, browser: Browser, five: dict[str, Member]) -> dict[str, Any]:
    """Sign one person in to all of them; return what each heard."""
    someone, seen = server.someone(), {}
    for name, member in five.items():
        send(browser, member.ask())
        if browser.left is None:
            browser.password(someone).code(someone)
        assert browser.left is not None, browser.text
        assert is_encrypted(browser.left)
        seen[name] = member.accept(browser.left)
    return seen


def is_encrypted(answer: Left) -> bool:
    root = message_of(answer)
    encrypted: list[etree._Element] = root.findall(f"{{{SAML}}}EncryptedAssertion")
    return len(encrypted) == 1 and root.find(f"{{{SAML}}}Assertion") is None


def walk(browser: Browser, five: dict[str, Member]) -> list[str]:
    """Let every application that is told answer; return who was, until somebody else is sent to."""
    by_place = {member.app: (name, member) for name, member in five.items()}
    told = []
    while browser.left is not None and is_question(browser.left):
        name, member = by_place["https://" + urlsplit(browser.left.address).netloc]
        told.append(name)
        send(browser, member.told(browser.left))
    return told


def is_question(left: Left) -> bool:
    return "SAMLRequest" in left.parameters or "SAMLRequest" in left.fields


@pytest.mark.parametrize("first", FIVE)
def test_signed_out_at_one_of_five_they_are_signed_out_of_all(
    server: Server, browser: Browser, five: dict[str, Member], first: str
) -> None:
    seen = sign_in(server, browser, five)
    send(browser, five[first].leave(seen[first]))
    told = walk(browser, five)
    assert sorted(told) == sorted(set(FIVE) - {first})
    assert browser.left is not None, browser.text
    five[first].left(browser.left)
    # Nothing of the session is left here either.
    for member in five.values():
        assert send(browser, member.ask()).heading == "Sign in"


def test_signed_out_at_the_provider_they_are_signed_out_of_all_five(
    server: Server, browser: Browser, five: dict[str, Member]
) -> None:
    sign_in(server, browser, five)
    browser.open("/signout").submit()
    assert sorted(walk(browser, five)) == sorted(FIVE)
    assert browser.heading == "You are signed out"
    assert browser.text.count("Signed out") == len(FIVE)
    assert "May still be signed in" not in browser.text


def test_lassos_server_signs_out_without_a_browser(
    server: Server, browser: Browser, five: dict[str, Member]
) -> None:
    """It asks by SOAP; the others can't be told so, which it hears."""
    member = five["lasso"]
    assert isinstance(member, Lasso)
    assert isinstance(member, Program)
    someone = server.someone()
    send(browser, member.ask()).password(someone).code(someone)
    assert browser.left is not None
    member.accept(browser.left)
    asked = member.do("leave", soap=True)
    assert asked["address"] == server.base + "/saml/slo/soap"
    answered = browser.web.post(
        asked["address"], asked["body"].encode(), headers={"Content-Type": "text/xml"}
    )
    assert (answered.status_code, answered.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    assert member.do("left", query=answered.text).endswith("Success")
    assert send(browser, member.ask()).heading == "Sign in"
