"""The front doors: for each, genuine requests and the layers in which they are changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import strategies as st

from idp.channels.pages import PATH as RECEIPTS
from idp.channels.twilio import signature
from idp.oidc.client_request import ASSERTION
from tests.fuzz import carrier, console, saml, signer, tokens
from tests.fuzz.door import OUR_PAGE, OUTSIDE, Door, form, of, pairs_of
from tests.fuzz.edits import BASE64, BYTES, PAIRS, apply, edits, joined
from tests.fuzz.knowledge import OPEN, OVER, Knowledge
from tests.fuzz.wire import Sent, changed
from tests.oidc.house import BASE, GOODBYE, SECRET, VERIFIER, asking

_RECEIPTS = RECEIPTS + "/"
_STEPS = ("", "/choose", "/enrol", "/confirm", "/cancel", "/again")
_stages = st.sampled_from((*OPEN, *OPEN, *OPEN, *OVER))
_FILES = (
    "/saml/metadata",
    "/.well-known/openid-configuration",
    "/oidc/jwks",
    "/healthz",
    "/readyz",
    "/",
    "/static/x.css",
    "/authenticator/",
    "/authenticator/app.webmanifest",
    "/authenticator/worker.js",
)
_LAUNCHES = (
    *(f"/saml/launch/id-of-{name}" for name in ("plain", "plain", "curve", "bare")),
    *("/", "/applications"),
)


# SAML -----------------------------------------------------------------------------------------
def _saml(path: str, kinds: Sequence[str], binding: str, *, followed: bool = False) -> Door:
    return Door(
        drawn=of(
            st.sampled_from(saml.NAMES),
            st.sampled_from(kinds),
            st.sampled_from(saml.SIGNINGS[binding]),
            st.booleans(),
            edits({**saml.LAYERS, "pairs": PAIRS, **OUTSIDE}, mostly="tree"),
        ),
        made=lambda drawn, known: saml.sent(drawn, known, path=path, binding=binding),
        followed=followed,
    )


def _launch() -> Door:
    """Open an application from here, or the page that lists them, as a link of anybody's may."""

    def made(drawn: Any, known: Knowledge) -> Sent:
        path, signed_in, chosen = drawn
        path = "/" + apply(BYTES, path.encode(), chosen, "address").decode("utf-8", "replace").lstrip("/")
        cookies = known("session")["cookies"] if signed_in else ""
        fields = {"RelayState": "https://evil.example/", "lang": "ar"}
        return form(path, fields, chosen, cookies=cookies, post=False)

    layers = {"address": BYTES, "pairs": PAIRS, **OUTSIDE}
    return Door(drawn=of(st.sampled_from(_LAUNCHES), st.booleans(), edits(layers)), made=made, followed=True)


# OpenID Connect ---------------------------------------------------------------------------------
_REQUESTS: Sequence[Mapping[str, str | None]] = (
    {},
    {"prompt": "none", "max_age": "60", "nonce": "n", "ui_locales": "ar en"},
    {"prompt": "login consent", "acr_values": "https://refeds.org/profile/mfa", "login_hint": "ada"},
    {"prompt": "select_account", "response_mode": "form_post"},
    {"client_id": "app", "redirect_uri": "http://127.0.0.1:4711/cb"},
    {"client_id": "app", "redirect_uri": "com.example.app:/cb"},
    {"client_id": "lax", "nonce": "n", "code_challenge": None, "code_challenge_method": None},
    {"client_id": "closed"},
    {"id_token_hint": "id_token"},
    {"claims": '{"id_token": {"acr": {"essential": true, "values": ["phr"]}}, "userinfo": {"email": null}}'},
    {"client_id": "wiki", "request_uri": "urn:ietf:params:oauth:request_uri:" + "x" * 43},
)


def _authorize(*, post: bool) -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        request, session, chosen = drawn
        hinted = "id_token_hint" in request
        about = known("tokens" if hinted else "session" if session else "now")
        values = dict(request)
        if hinted:
            values["id_token_hint"] = tokens.crafted(about["id_token"], chosen)
        fields = asking(**values)
        return form("/oidc/authorize", fields, chosen, cookies=about.get("cookies", ""), post=post)

    layers = {"pairs": PAIRS, **tokens.LAYERS, **OUTSIDE}
    return Door(drawn=of(st.sampled_from(_REQUESTS), st.booleans(), edits(layers)), made=made)


def _token() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        by, chosen = drawn
        about = known("codes")
        fields = {
            "grant_type": "authorization_code",
            "code": about["app_code"] if by == "none" else about["code"],
            "redirect_uri": "http://127.0.0.1:9/cb" if by == "none" else "https://wiki.example/cb",
            "code_verifier": VERIFIER,
        }
        headers = {}
        if by == "basic":
            basic = apply(BYTES, f"wiki:{SECRET}".encode(), chosen, "basic")
            coded = apply(BASE64, base64.b64encode(basic), chosen, "base64")
            headers["Authorization"] = "Basic " + coded.decode("utf-8", "replace")
        else:
            fields |= {"client_id": "app"} if by == "none" else {"client_id": "wiki", "client_secret": SECRET}
        return form("/oidc/token", fields, chosen, post=True, **headers)

    layers = {"pairs": PAIRS, "basic": BYTES, "base64": BASE64, **OUTSIDE}
    return Door(drawn=of(st.sampled_from(("basic", "post", "none")), edits(layers)), made=made)


def _clients() -> Door:
    """Refresh, ask about tokens and take them back, and get a machine's own, by secret or assertion."""

    def made(drawn: Any, known: Knowledge) -> Sent:
        what, by, chosen = drawn
        about = known("tokens")
        path, fields = _WISHES[what]
        for name in set(fields) & {"refresh_token", "token"}:
            token = about["refresh_token" if what in {"refresh", "revoke"} else "access_token"]
            fields = {
                **fields,
                name: apply(BYTES, token.encode(), chosen, "opaque").decode("utf-8", "replace"),
            }
        if by == "assertion":
            assertion = tokens.crafted(about["assertion"], chosen, sign=signer.sign)
            fields = {**fields, "client_assertion_type": ASSERTION, "client_assertion": assertion}
        else:
            fields = {**fields, "client_id": _ASKS.get(what, "wiki"), "client_secret": SECRET}
        return form(path, fields, chosen, post=True)

    layers = {"pairs": PAIRS, "opaque": BYTES, **tokens.LAYERS, **OUTSIDE}
    ways = st.sampled_from(("secret", "assertion"))
    drawn = of(st.sampled_from(tuple(_WISHES)), ways, edits(layers, mostly="claims"))
    return Door(drawn=drawn, made=made)


_WISHES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "refresh": ("/oidc/token", {"grant_type": "refresh_token", "refresh_token": "", "scope": "openid"}),
    "machine": (
        "/oidc/token",
        {"grant_type": "client_credentials", "resource": signer.RESOURCE, "scope": "read"},
    ),
    "ask": ("/oidc/introspect", {"token": "", "token_type_hint": "access_token"}),
    "revoke": ("/oidc/revoke", {"token": "", "token_type_hint": "refresh_token"}),
}
_ASKS = {"machine": "billing", "ask": "orders"}


def _push() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        request, chosen = drawn
        known("now")  # time must pass, or a client whose secret was changed stays locked
        fields = {**asking(**request), "client_id": "wiki", "client_secret": SECRET}
        return form("/oidc/par", fields, chosen, post=True)

    requests = [one for one in _REQUESTS if "id_token_hint" not in one]
    return Door(drawn=of(st.sampled_from(requests), edits({"pairs": PAIRS, **OUTSIDE})), made=made)


def _userinfo() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        way, chosen = drawn
        token = apply(BYTES, known("tokens")["access_token"].encode(), chosen, "token").decode(
            "utf-8", "replace"
        )
        if way == "body":
            return form("/oidc/userinfo", {"access_token": token}, chosen, post=True)
        return form("/oidc/userinfo", {}, chosen, post=way == "post", Authorization=f"Bearer {token}")

    layers = {"pairs": PAIRS, "token": BYTES, **OUTSIDE}
    return Door(drawn=of(st.sampled_from(("body", "get", "post")), edits(layers)), made=made)


def _logout() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        hinted, client, post, chosen = drawn
        about = known("tokens")
        fields = {"post_logout_redirect_uri": GOODBYE, "state": "a b", "ui_locales": "ar"}
        if hinted:
            fields["id_token_hint"] = tokens.crafted(about["id_token"], chosen)
        if client:
            fields["client_id"] = "wiki"
        return form("/oidc/logout", fields, chosen, cookies=about["cookies"], post=post)

    layers = {"pairs": PAIRS, **tokens.LAYERS, **OUTSIDE}
    return Door(drawn=of(st.booleans(), st.booleans(), st.booleans(), edits(layers)), made=made)


# Carriers -------------------------------------------------------------------------------------
def _receipt_gateway() -> Door:
    """What whoever knows the address may report, as a query, a form or JSON."""

    def made(drawn: Any, known: Knowledge) -> Sent:
        way, word, chosen = drawn
        path = apply(BYTES, known("receipts")[carrier.GATEWAY].encode(), chosen, "address")
        address = _RECEIPTS + path.decode("utf-8", "replace").removeprefix(_RECEIPTS)
        if way != "json":
            return form(address, {"status": word, "id": "1"}, chosen, post=way == "form")
        data = json.dumps({"status": [{"word": word}], "id": 1}).encode()
        headers = {"Host": "id.example", "Content-Type": "application/json"}
        return changed(Sent(method="POST", path=address, body=data, headers=headers), chosen)

    drawn = (st.sampled_from(("query", "form", "json")), st.sampled_from(("DELIVRD", "2", "other")))
    return Door(drawn=of(*drawn, edits({"pairs": PAIRS, "address": BYTES, **OUTSIDE})), made=made)


def _receipt_twilio() -> Door:
    """The same, signed: before it is changed, or after, as Twilio itself could send it."""

    def made(drawn: Any, known: Knowledge) -> Sent:
        word, signed_last, chosen = drawn
        path = known("receipts")[carrier.TWILIO]
        fields = {"MessageStatus": word, "MessageSid": "SM1", "ErrorCode": "30003"}
        if signed_last:
            pairs = apply(PAIRS, pairs_of(fields), chosen, "pairs")
            fields = dict(parse_qsl(joined(pairs).decode("utf-8", "replace"), keep_blank_values=True))
            chosen = [edit for edit in chosen if edit.layer != "pairs"]
        signed = signature(carrier.SECRET, BASE + path, fields).encode()
        signed = apply(BASE64, signed, chosen, "signature")
        headers = {"X-Twilio-Signature": signed.decode("utf-8", "replace")}
        return form(path, fields, chosen, post=True, **headers)

    words = st.sampled_from(("sent", "delivered", "undelivered"))
    layers = {"pairs": PAIRS, "signature": BASE64, **OUTSIDE}
    return Door(drawn=of(words, st.booleans(), edits(layers)), made=made)


# Our own pages --------------------------------------------------------------------------------
def _sign_in_page() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        stage, chosen = drawn
        about = known(stage)
        path = apply(BYTES, about["path"].encode(), chosen, "address").decode("utf-8", "replace")
        path = path if path.startswith("/signin/") else "/signin/" + path.lstrip("/")
        return form(path, {"lang": "ar"}, chosen, cookies=about["cookies"], post=False)

    layers = {"pairs": PAIRS, "address": BYTES, **OUTSIDE}
    return Door(drawn=of(_stages, edits(layers)), made=made)


def _sign_in_form() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        stage, step, chosen = drawn
        about = known(stage)
        path = about["path"] + step if step is not None else about["action"]
        path = apply(BYTES, path.encode(), chosen, "address").decode("utf-8", "replace")
        path = path if path.startswith("/signin/") else "/signin/" + path.lstrip("/")
        return form(path, about["fields"], chosen, cookies=about["cookies"], post=True, **OUR_PAGE)

    steps = st.one_of(st.none(), st.none(), st.sampled_from(_STEPS))
    layers = {"pairs": PAIRS, "address": BYTES, **OUTSIDE}
    return Door(drawn=of(_stages, steps, edits(layers, mostly="pairs")), made=made)


def _arrival() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        by, signed_in, chosen = drawn
        about = known("arrival")
        path = apply(BYTES, about[by].encode(), chosen, "address").decode("utf-8", "replace")
        path = path if path.startswith("/signin/") else "/signin/arrive/" + path.lstrip("/")
        cookies = about["cookies"] if signed_in else ""
        return form(path, {}, chosen, cookies=cookies, post=False)

    return Door(
        drawn=of(st.sampled_from(("saml", "oidc")), st.booleans(), edits({"address": BYTES, **OUTSIDE})),
        made=made,
    )


def _signout() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        page, chosen = drawn
        about = known("question")
        query = apply(PAIRS, [tuple(about["query"].partition("=")[::2])], chosen, "pairs")
        headers = {"Host": "id.example", "Cookie": about["cookies"], **(page or {})}
        method = "GET" if page is None else "POST"
        sent = Sent(method=method, path="/signout", query=joined(query), headers=headers)
        return changed(sent, chosen)

    # Nearly everything is a wish to sign out: what another site sends is refused for sure.
    pages = st.sampled_from([None, OUR_PAGE, {**OUR_PAGE, "Sec-Fetch-Site": "cross-site"}])
    return Door(drawn=of(pages, edits({"pairs": PAIRS, **OUTSIDE})), made=made)


def _files() -> Door:
    def made(drawn: Any, known: Knowledge) -> Sent:
        path, chosen = drawn
        path = "/" + apply(BYTES, path.encode(), chosen, "address").decode("utf-8", "replace").lstrip("/")
        return form(path, {"lang": "ar"}, chosen, post=False)

    layers = {"address": BYTES, "pairs": PAIRS, **OUTSIDE}
    return Door(drawn=of(st.sampled_from(_FILES), edits(layers)), made=made)


DOORS: Mapping[str, Door] = {
    **console.DOORS,
    "saml-sso-redirect": _saml("/saml/sso", saml.ASKING, "redirect"),
    "saml-sso-post": _saml("/saml/sso", saml.ASKING, "post"),
    "saml-slo": _saml("/saml/slo", saml.LEAVING, "redirect"),
    "saml-slo-post": _saml("/saml/slo", saml.LEAVING, "post", followed=True),
    "saml-slo-soap": _saml("/saml/slo/soap", saml.LEAVING, "soap"),
    "saml-launch": _launch(),
    "oidc-authorize-get": _authorize(post=False),
    "oidc-authorize-post": _authorize(post=True),
    "oidc-token": _token(),
    "oidc-clients": _clients(),
    "oidc-par": _push(),
    "oidc-userinfo": _userinfo(),
    "oidc-logout": _logout(),
    "receipt-gateway": _receipt_gateway(),
    "receipt-twilio": _receipt_twilio(),
    "signin-page": _sign_in_page(),
    "signin-form": _sign_in_form(),
    "signin-arrive": _arrival(),
    "signout": _signout(),
    "files": _files(),
}
