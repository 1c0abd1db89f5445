"""The demo's phone: takes texts from whoever knows the secret, shows each once, says that it arrived."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from flask.testing import FlaskClient

from idp.demo.phone import make_app

_ALLOWED = {"Authorization": "Bearer s3cret"}
_SENT = {"to": "+14255550123", "text": "Code 123456 <b>", "key": "k1"}


class _Provider(BaseHTTPRequestHandler):
    """Keeps what was posted to it."""

    told: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append((self.path, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def told() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def provider(told: list[tuple[str, bytes]]) -> Iterator[str]:
    handler = type("Handler", (_Provider,), {"told": told})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def phone(provider: str) -> FlaskClient:
    return make_app(provider=provider, secret="s3cret").test_client()


def test_a_text_is_shown_as_text_and_newest_first(phone: FlaskClient) -> None:
    assert "Nothing yet." in phone.get("/").text
    for number in (1, 2):
        answer = phone.post(
            "/messages", json=_SENT | {"text": f"Text {number} <b>", "key": str(number)}, headers=_ALLOWED
        )
        assert (answer.status_code, answer.json) == (202, {"status": "accepted", "id": str(number)})
    page = phone.get("/").text
    assert "+14255550123" in page
    assert page.index("Text 2 &lt;b&gt;") < page.index("Text 1 &lt;b&gt;")


def test_one_sent_twice_is_shown_once(phone: FlaskClient) -> None:
    for _ in range(2):
        assert phone.post("/messages", json=_SENT, headers=_ALLOWED).status_code == 202
    assert phone.get("/").text.count("Code 123456") == 1


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer s3cret2", "Basic s3cret"])
def test_nobody_else_can_send(phone: FlaskClient, header: str) -> None:
    assert phone.post("/messages", json=_SENT, headers={"Authorization": header}).status_code == 401
    assert "Nothing yet." in phone.get("/").text


def test_it_reports_to_the_provider_and_to_nobody_else(
    phone: FlaskClient, provider: str, told: list[tuple[str, bytes]]
) -> None:
    for receipt in (f"{provider}/receipts/1", "http://127.0.0.1:1/elsewhere", ""):
        with phone.post("/messages", json=_SENT | {"receipt": receipt}, headers=_ALLOWED) as answer:
            assert answer.status_code == 202
    assert [path for path, _ in told] == ["/receipts/1"]
    assert b'"delivered"' in told[0][1]


def test_it_keeps_the_last_fifty(phone: FlaskClient) -> None:
    for number in range(60):
        phone.post("/messages", json=_SENT | {"key": str(number)}, headers=_ALLOWED)
    assert phone.get("/").text.count("Code 123456") == 50
