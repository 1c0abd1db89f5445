from __future__ import annotations

import re

import pytest
from flask import request
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from tests.web.conftest import build

_REFERENCE = re.compile(r"[A-Z0-9]{4}-[A-Z0-9]{4}")


@pytest.mark.parametrize(
    ("address", "status", "text"),
    [
        ("/fail/bad", 400, "This request is too long."),
        ("/fail/denied", 403, "You don&#39;t have access to this application."),
        ("/fail/refused", 422, "A code has digits only."),
        ("/fail/bug", 500, "An error on our side"),
        ("/nowhere", 404, "There is no page at this address."),
    ],
)
def test_an_error_is_a_page_in_plain_words_with_a_reference(
    client: FlaskClient, address: str, status: int, text: str
) -> None:
    with capture_logs() as logs:
        answer = client.get(address)
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert text in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    reference = _REFERENCE.search(answer.text)
    assert reference
    assert [entry["ref"] for entry in logs] == [reference[0]]


def test_the_log_knows_what_the_page_hides(client: FlaskClient) -> None:
    with capture_logs() as logs:
        client.get("/fail/bad")
        client.get("/fail/bug")
    assert logs[0]["detail"] == "secret detail"
    assert "ZeroDivisionError: secret inside" in logs[1]["exception"]


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [("/program/bad", 400, "invalid_request"), ("/program/bug", 500, "server_error")],
)
def test_programs_are_answered_in_json(client: FlaskClient, address: str, status: int, code: str) -> None:
    with capture_logs():
        answer = client.get(address)
    assert answer.status_code == status
    assert answer.json["error"] == code
    assert "secret" not in answer.text


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    with capture_logs():
        answer = client.post("/home")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert "can’t be used in this way" in answer.text


def test_a_body_larger_than_any_form_is_not_read() -> None:
    app = build()

    @app.post("/read")
    def read() -> str:
        return str(len(request.form))

    with capture_logs():
        answer = app.test_client().post("/read", data={"x": "y" * 2_000_000})
    assert answer.status_code == 413
    assert "too large" in answer.text


def test_input_is_never_quoted(client: FlaskClient) -> None:
    with capture_logs():
        answer = client.get("/<script>alert(1)</script>?q=<script>")
    assert "alert(1)" not in answer.text


def test_a_program_that_sends_rubbish_gets_a_page_not_a_traceback(client: FlaskClient) -> None:
    with capture_logs():
        for address in ("/%ff%fe", "/home?%ff=%fe", "/home?lang=%00", "/" + "a" * 5000):
            assert client.get(address).status_code in {200, 404}
        answer = client.post("/form", data=b"\xff%zz&&&=;", content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 200
