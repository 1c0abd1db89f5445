"""Wiki: a tiny application that signs people in by OpenID Connect (Authlib's client)."""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError

from idp.demo.site import Memory, make_site, problem, run

# How a sign-in can be asked for; the buttons of the first page.
_ASKING: Mapping[str, Mapping[str, str]] = {
    "": {},
    "again": {"prompt": "login"},
    "silent": {"prompt": "none"},
    "strong": {"acr_values": "https://refeds.org/profile/mfa"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who is signed in here: the id_token (as sent, and read) and what userinfo said."""

    id_token: str
    claims: Mapping[str, Any]
    userinfo: Mapping[str, Any]

    @property
    def called(self) -> str:
        """Return what to call the person."""
        said = {**self.claims, **self.userinfo}
        return str(said.get("name") or said.get("preferred_username") or said["sub"])


def make_app(*, provider: str, client_id: str, client_secret: str) -> Flask:
    """Return the application; its pages are /, /login, /callback, /logout and /left.

    provider is the issuer's address, without a slash at the end.
    """
    site = make_site("Wiki", protocol="OpenID Connect", accent="indigo")
    client = OAuth(site).register(
        "countersign",
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{provider}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
    )
    wiki = _Wiki(client)
    site.add_url_rule("/", "home", wiki.home)
    site.add_url_rule("/login", "login", wiki.login)
    site.add_url_rule("/callback", "callback", wiki.callback)
    site.add_url_rule("/logout", "logout", wiki.logout, methods=["POST"])
    site.add_url_rule("/left", "left", wiki.left)
    site.register_error_handler(requests.RequestException, _provider_away)
    return site


class _Wiki:
    def __init__(self, client: Any) -> None:
        self._client = client
        self._accounts: Memory[Account] = Memory()

    def home(self) -> ResponseReturnValue:
        account = self._accounts.get(session.get("account"))
        if account is None:
            return render_template("home.html", said=session.pop("said", ""))
        tables = [("The id_token says", _texts(account.claims)), ("Userinfo says", _texts(account.userinfo))]
        return render_template("account.html", called=account.called, tables=tables)

    def login(self) -> ResponseReturnValue:
        asking = _ASKING.get(request.args.get("ask", ""), {})
        there: ResponseReturnValue = self._client.authorize_redirect(
            url_for("callback", _external=True), **asking
        )
        return there

    def callback(self) -> ResponseReturnValue:
        # Answers name their issuer, so that one provider's can't pass for another's (RFC 9207).
        if request.args.get("iss") != self._client.load_server_metadata()["issuer"]:
            return problem("This answer is not from our identity provider.")
        try:
            token = self._client.authorize_access_token()
            userinfo = self._client.userinfo(token=token)
        except AuthlibBaseError as error:
            return problem(f"The identity provider did not let you in: {_code(error)}.", status=403)
        except (JoseError, requests.HTTPError, KeyError, ValueError):
            return problem("The identity provider's answer could not be accepted.")
        if userinfo["sub"] != token["userinfo"]["sub"]:  # OpenID Connect Core 5.3.2
            return problem("The identity provider's answers do not belong together.")
        account = Account(id_token=token["id_token"], claims=token["userinfo"], userinfo=userinfo)
        session["account"] = self._accounts.add(account)
        return redirect(url_for("home"), 303)

    def logout(self) -> ResponseReturnValue:
        account = self._accounts.pop(session.pop("account", None))
        if account is None:
            return redirect(url_for("home"), 303)
        session["leaving"] = secrets.token_urlsafe(16)
        there: ResponseReturnValue = self._client.logout_redirect(
            post_logout_redirect_uri=url_for("left", _external=True),
            id_token_hint=account.id_token,
            state=session["leaving"],
        )
        return there

    def left(self) -> ResponseReturnValue:
        if request.args.get("state") != session.pop("leaving", None):
            return problem("This sign-out answer belongs to another browser.")
        session["said"] = "You are signed out."
        return redirect(url_for("home"), 303)


def _texts(claims: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: _text(name, value) for name, value in claims.items()}


def _text(name: str, value: Any) -> str:
    if name in {"iat", "exp", "auth_time", "nbf", "updated_at"} and isinstance(value, int):
        return f"{value} ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _code(error: AuthlibBaseError) -> str:
    # Only a registered word is repeated, never the free text of an address anybody can write.
    code = str(error.error or "")
    return code if code.isidentifier() and len(code) < 40 else "no reason given"


def _provider_away(_error: requests.RequestException) -> ResponseReturnValue:
    return problem("The identity provider can't be reached. Is it running?", status=503)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the application; the client's secret comes from WIKI_CLIENT_SECRET, out of sight of `ps`."""
    parser = argparse.ArgumentParser(prog="wiki", description=__doc__)
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--provider", default="http://localhost:8000", help="the provider's base address")
    parser.add_argument("--client-id", default="wiki")
    given = parser.parse_args(arguments)
    secret = os.environ.get("WIKI_CLIENT_SECRET", "")
    site = make_app(provider=given.provider.rstrip("/"), client_id=given.client_id, client_secret=secret)
    run(site, port=given.port)


if __name__ == "__main__":
    main()
