"""Banned networks are turned away before anything else, with a page that says so."""

from __future__ import annotations

import pytest
from flask import jsonify
from structlog.testing import capture_logs

from idp.web import banned
from idp.web.settings import WebSettings
from idp.web.setup import make_flask


@pytest.fixture
def client():
    web = WebSettings.of(base_url="http://localhost", trusted_proxies=("127.0.0.1",))
    app = make_flask(web, json_endpoints=["token"])
    banned.install(app, lambda address: address == "192.0.2.7", open_endpoints=["live"])
    for name in ("page", "token", "live"):
        app.add_url_rule(f"/{name}", name, lambda: jsonify(done=True), methods=["GET", "POST"])
    return app.test_client()


def test_whoever_comes_from_there_reads_why_and_nothing_is_done(client) -> None:
    there = {"X-Forwarded-For": "192.0.2.7"}
    with capture_logs():
        page = client.get("/page", headers=there)
        assert page.status_code == 403
        assert "Your network is blocked" in page.text
        assert "Reference" in page.text
        assert client.post("/page", headers=there).status_code == 403
        refused = client.post("/token", headers=there)
    assert (refused.status_code, refused.json.keys() & {"error", "done"}) == (403, {"error"})


def test_others_and_what_balancers_ask_pass(client) -> None:
    assert client.get("/page", headers={"X-Forwarded-For": "192.0.2.8"}).json == {"done": True}
    assert client.get("/live", headers={"X-Forwarded-For": "192.0.2.7"}).json == {"done": True}
    # What the client writes in front of its own address is not where it comes from.
    assert client.get("/page", headers={"X-Forwarded-For": "192.0.2.7, 192.0.2.8"}).json == {"done": True}
