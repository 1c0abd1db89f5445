"""Applications of nothing but plumbing, with a few views that misbehave."""

from __future__ import annotations

import pytest
from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient

from idp.core.codec import plain
from idp.core.errors import BadMessage, Denied, Reason, Refused
from idp.core.model import Reply
from idp.web.reply import respond
from idp.web.settings import WebSettings
from idp.web.setup import make_flask
from idp.web.templating import page
from idp.web.visit import visit_of


def build(base_url: str = "http://localhost:8000", *proxies: str) -> Flask:
    app = make_flask(
        WebSettings.of(base_url=base_url, trusted_proxies=proxies),
        open_endpoints=("open",),
        json_endpoints=("program",),
    )
    raised = {
        "bad": BadMessage("This request is too long.", detail="secret detail"),
        "denied": Denied("You don't have access to this application.", reason=Reason.ACCESS),
        "refused": Refused("A code has digits only. Type it as it is shown."),
        "bug": ZeroDivisionError("secret inside"),
    }

    def fail(what: str) -> Response:
        raise raised[what]

    app.add_url_rule("/fail/<what>", "fail", fail, methods=["GET", "POST"])
    app.add_url_rule("/program/<what>", "program", fail, methods=["GET", "POST"])
    app.add_url_rule("/form", "form", lambda: Response("done"), methods=["GET", "POST"])
    app.add_url_rule("/open", "open", lambda: Response("done"), methods=["POST"])
    app.add_url_rule("/visit", "visit", lambda: jsonify(plain(visit_of(request))))
    app.add_url_rule("/home", "home", lambda: page("home.html"))
    app.add_url_rule(
        "/signin",
        "signin",
        lambda: page(
            "factors/password/ask.html",
            partner_name="<b>Expenses</b>",
            action="/form",
            locale=request.args.get("ui_locales", ""),
            reply_to="https://app.example.com:8443/acs?x=1",
        ),
    )
    app.add_url_rule("/reply", "reply", _reply, methods=["GET", "POST"])
    return app


def _reply() -> Response:
    data = request.get_json()
    return respond(Reply(address=data["address"], fields=data.get("fields")), partner_name="Expenses")


@pytest.fixture
def client() -> FlaskClient:
    return build().test_client()


@pytest.fixture
def bare_client() -> FlaskClient:
    """Give a client that keeps no cookies and sends the Cookie header it is told to."""
    return build().test_client(use_cookies=False)


@pytest.fixture
def https_client() -> FlaskClient:
    return build("https://id.example.com").test_client(use_cookies=False)
