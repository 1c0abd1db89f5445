"""Expenses: a tiny application that signs people in by SAML 2.0 and out by single logout."""

from __future__ import annotations

import argparse
import base64
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree.ElementTree import ParseError

from flask import Flask, Response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, SAMLError
from saml2.client import Saml2Client
from saml2.response import StatusError
from saml2.s_utils import SamlException, UnravelError
from saml2.saml import NameID
from saml2.samlp import response_from_string
from saml2.validate import NotValid, OutsideCardinality, ResponseLifetimeExceed, ToEarly

from idp.demo.saml_client import ServiceProvider, key_pair, provider_id
from idp.demo.saml_signatures import RSA_SHA256, query_is_signed
from idp.demo.site import Memory, make_site, problem, run

# What pysaml2 raises for messages it does not like.
_UNUSABLE = (
    SAMLError,
    SamlException,
    UnravelError,
    NotValid,
    OutsideCardinality,
    ResponseLifetimeExceed,
    ToEarly,
    ParseError,
    ValueError,
    KeyError,
    AttributeError,
)

_MFA = {"authn_context_class_ref": ["https://refeds.org/profile/mfa"], "comparison": "exact"}
# How a sign-in can be asked for; the buttons of the first page.
_ASKING: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "again": {"force_authn": "true"},
    "silent": {"is_passive": "true"},
    "strong": {"requested_authn_context": _MFA},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who is signed in here, as the provider described them."""

    name_id: NameID
    session_index: str
    facts: Mapping[str, str]
    attributes: Mapping[str, Sequence[str]]

    @property
    def called(self) -> str:
        """Return what to call the person."""
        known = self.attributes.get("displayName") or self.attributes.get("uid") or [str(self.name_id.text)]
        return known[0]


def make_app(provider: ServiceProvider) -> Flask:
    """Return the application; its pages are /, /login, /acs, /logout, /slo and /metadata."""
    site = make_site("Expenses", protocol="SAML 2.0", accent="teal")
    expenses = _Expenses(provider)
    site.add_url_rule("/", "home", expenses.home)
    site.add_url_rule("/login", "login", expenses.login)
    site.add_url_rule("/acs", "acs", expenses.post_arrived, methods=["POST"])
    site.add_url_rule("/acs/<arrival>", "arrived", expenses.arrived)
    site.add_url_rule("/logout", "logout", expenses.logout, methods=["POST"])
    site.add_url_rule("/slo", "slo", expenses.slo)
    site.add_url_rule("/metadata", "metadata", expenses.metadata)
    site.register_error_handler(OSError, _provider_away)
    return site


class _Expenses:
    def __init__(self, provider: ServiceProvider) -> None:
        self._provider = provider
        self._accounts: Memory[Account] = Memory()
        self._arrivals: Memory[str] = Memory()

    def home(self) -> ResponseReturnValue:
        account = self._accounts.get(session.get("account"))
        if account is None:
            return render_template("home.html", said=session.pop("said", ""))
        tables = [("The assertion says", account.facts), ("Attributes", _joined(account.attributes))]
        return render_template("account.html", called=account.called, tables=tables)

    def login(self) -> ResponseReturnValue:
        asking = _ASKING.get(request.args.get("ask", ""), {})
        client = self._provider.client()
        request_id, info = client.prepare_for_authenticate(
            provider_id(client), binding=BINDING_HTTP_REDIRECT, sign=True, sigalg=RSA_SHA256, **asking
        )
        session["asked"] = request_id
        return _to(info)

    def post_arrived(self) -> ResponseReturnValue:
        # A cross-site POST brings no Lax cookie, so the answer waits until the browser asks by GET:
        # only the browser that started the sign-in can finish it.
        arrival = self._arrivals.add(request.form.get("SAMLResponse", ""))
        return redirect(url_for("arrived", arrival=arrival), 303)

    def arrived(self, arrival: str) -> ResponseReturnValue:
        message, asked = self._arrivals.pop(arrival), session.pop("asked", None)
        if message is None or asked is None:
            return problem(
                "This answer was already used, or belongs to another browser. Please sign in again."
            )
        try:
            account = _account(self._provider.client(), message, asked)
        except StatusError as error:
            return problem(f"The identity provider did not let you in: {_status(error)}.", status=403)
        except _UNUSABLE:
            return problem("The identity provider's answer could not be accepted.")
        session["account"] = self._accounts.add(account)
        return redirect(url_for("home"), 303)

    def logout(self) -> ResponseReturnValue:
        account = self._accounts.pop(session.pop("account", None))
        if account is None:
            return redirect(url_for("home"), 303)
        client = self._provider.client()
        entity = provider_id(client)
        places = client.metadata.single_logout_service(entity, BINDING_HTTP_REDIRECT, "idpsso")
        if not places:
            session["said"] = "You are signed out here. The identity provider offers no single logout."
            return redirect(url_for("home"), 303)
        place = places[0]["location"]
        request_id, message = client.create_logout_request(
            place, entity, name_id=account.name_id, session_indexes=[account.session_index], sign=False
        )
        session["leaving"] = request_id
        return _send(client, message, place=place, response=False)

    def slo(self) -> ResponseReturnValue:
        client = self._provider.client()
        query = request.query_string.decode("ascii", "replace")
        certificates = [text for _, text in client.metadata.certs(provider_id(client), "idpsso", "signing")]
        if not query_is_signed(query, certificates):
            return problem("This sign-out message is not signed by the identity provider.")
        parameters = {name: values[0] for name, values in parse_qs(query).items()}
        try:
            if "SAMLRequest" in parameters:
                return self._end(client, parameters["SAMLRequest"], parameters.get("RelayState", ""))
            return self._left(client, parameters["SAMLResponse"])
        except _UNUSABLE:
            return problem("This sign-out message could not be read.")

    def metadata(self) -> ResponseReturnValue:
        return Response(self._provider.metadata(), mimetype="application/samlmetadata+xml")

    def _end(self, client: Saml2Client, encoded: str, relay_state: str) -> ResponseReturnValue:
        # The identity provider ends a session: forget it here, whichever browser it was in, and say so.
        message = client.parse_logout_request(encoded, BINDING_HTTP_REDIRECT).message
        indexes = {index.text for index in message.session_index}
        for key, account in self._accounts.items():
            if account.name_id.text == message.name_id.text and (
                not indexes or account.session_index in indexes
            ):
                self._accounts.pop(key)
        answer = client.create_logout_response(message, [BINDING_HTTP_REDIRECT], sign=False)
        place = client.response_args(message, [BINDING_HTTP_REDIRECT])["destination"]
        return _send(client, answer, place=place, response=True, relay_state=relay_state)

    def _left(self, client: Saml2Client, encoded: str) -> ResponseReturnValue:
        answer = client.parse_logout_request_response(encoded, BINDING_HTTP_REDIRECT)
        if answer.in_response_to != session.pop("leaving", None):
            return problem("This sign-out answer belongs to another browser.")
        partial = answer.response.status.status_code.status_code is not None
        session["said"] = (
            "You are signed out." if not partial else "You are signed out here, but not everywhere."
        )
        return redirect(url_for("home"), 303)


def _account(client: Saml2Client, message: str, asked: str) -> Account:
    # pysaml2 answers any other document with a bare Exception.
    if response_from_string(base64.b64decode(message)) is None:
        raise ValueError("not a response")
    answer = client.parse_authn_request_response(message, BINDING_HTTP_POST, outstanding={asked: "/"})
    if answer is None or answer.assertion is None:
        raise ValueError("no assertion")
    info = answer.session_info()
    name_id = info["name_id"]
    statement = answer.assertion.authn_statement[0]
    context = statement.authn_context.authn_context_class_ref
    facts = {
        "Subject": name_id.text,
        "Subject format": name_id.format,
        "Subject belongs to": name_id.sp_name_qualifier or name_id.name_qualifier,
        "AuthnContext": context.text if context is not None else "",
        "Signed in at": statement.authn_instant,
        "Session index": statement.session_index,
        "Session ends": statement.session_not_on_or_after,
        "Issuer": info["issuer"],
    }
    return Account(
        name_id=name_id,
        session_index=statement.session_index or "",
        facts={name: text for name, text in facts.items() if text},
        attributes=answer.ava or {},
    )


def _send(
    client: Saml2Client, message: Any, *, place: str, response: bool, relay_state: str = ""
) -> ResponseReturnValue:
    info = client.apply_binding(
        BINDING_HTTP_REDIRECT,
        str(message),
        place,
        relay_state,
        response=response,
        sign=True,
        sigalg=RSA_SHA256,
    )
    return _to(info)


def _to(info: Mapping[str, Any]) -> ResponseReturnValue:
    return redirect(dict(info["headers"])["Location"], 303)


def _joined(attributes: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    return {name: ", ".join(map(str, values)) for name, values in sorted(attributes.items())}


def _status(error: StatusError) -> str:
    # StatusNoPassive -> NoPassive
    return type(error).__name__.removeprefix("Status") or "no reason given"


def _provider_away(_error: OSError) -> ResponseReturnValue:
    return problem("The identity provider can't be reached. Is it running?", status=503)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the application: python -m idp.demo.saml_app --port P --provider URL --data FOLDER."""
    parser = argparse.ArgumentParser(prog="expenses", description=__doc__)
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--provider", default="http://localhost:8000", help="the provider's base address")
    parser.add_argument("--data", type=Path, default=Path("var/demo"), help="folder of the signing key")
    given = parser.parse_args(arguments)
    # It logs whole messages; what matters of them is shown on the pages.
    logging.getLogger("saml2").setLevel(logging.CRITICAL)
    provider = ServiceProvider(
        base_url=f"http://127.0.0.1:{given.port}",
        metadata_url=f"{given.provider.rstrip('/')}/saml/metadata",
        keys=key_pair(given.data),
    )
    run(make_app(provider), port=given.port)


if __name__ == "__main__":
    main()
