"""The phone app's page, what makes it installable, and the addresses that it calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from idp.authenticator.calls import Calls, Unknown, WrongClock
from idp.channels.waking import Subscription
from idp.core.browsers import browser_of
from idp.core.errors import Refused
from idp.core.ports import Clock
from idp.factors.elsewhere import Said
from idp.factors.push.factor import PATH
from idp.factors.push.phones import Phone, Phones, Question
from idp.keys import VapidKey
from idp.store.columns import UNSTORABLE
from idp.store.counters import place
from idp.web import headers
from idp.web.i18n import translate
from idp.web.pacing import Pace
from idp.web.templating import page
from idp.web.visit import visit_of

JSON_ENDPOINTS = ("authenticator.call",)
_SAID = {said.value: said for said in (Said.APPROVED, Said.DENIED, Said.FRAUD)}
_SOONEST = 2.0  # seconds
# A service worker has no page whose policy it could share.
_WORKER_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorPages:
    """Everything under /authenticator/."""

    phones: Phones
    calls: Calls
    vapid: VapidKey
    clock: Clock
    service_name: str
    pace: Pace

    def blueprint(self) -> Blueprint:
        """Return the routes; give JSON_ENDPOINTS to the application."""
        blueprint = Blueprint("authenticator", __name__, url_prefix=PATH.rstrip("/"))
        route = blueprint.add_url_rule
        route("/", "home", self._home)
        route("/worker.js", "worker", self._worker)
        route("/app.webmanifest", "manifest", self._manifest)
        route("/calls/<act>", "call", self._call, methods=["POST"])
        return blueprint

    def _home(self) -> Response:
        headers.allow_installing()
        return page("authenticator/app.html", service_name=self.service_name, vapid=self.vapid.public())

    def _worker(self) -> Response:
        text = render_template("authenticator/worker.js")
        response = Response(text, content_type="text/javascript; charset=utf-8")
        response.headers["Content-Security-Policy"] = _WORKER_POLICY
        return response

    def _manifest(self) -> Response:
        text = render_template("authenticator/app.webmanifest", service_name=self.service_name)
        return Response(text, content_type="application/manifest+json")

    # Calls ------------------------------------------------------------------------------------
    def _call(self, act: str) -> Response:
        acts: Mapping[str, Callable[[Mapping[str, Any], Phone], Mapping[str, object]]] = {
            "look": self._look,
            "answer": self._answer,
            "wake": self._wake,
        }
        path, body = f"{PATH}calls/{act}", request.get_data()
        try:
            if act == "connect":
                return jsonify(self._connect(*self.calls.first(body, path)))
            if act in acts:
                return jsonify(acts[act](*self.calls.known(body, path)))
        except Refused as refused:
            said = {"error": translate(refused.public), "reference": refused.reference}
            now = int(self.clock.now().timestamp())
            more = {"now": now} if isinstance(refused, WrongClock) else {"gone": isinstance(refused, Unknown)}
            answer = jsonify(said | more)
            answer.status_code = refused.status
            return answer
        return Response(status=404)

    def _connect(self, claims: Mapping[str, Any], public: str) -> Mapping[str, object]:
        label = _text(claims, "label") or browser_of(request.user_agent.string).system
        made = self.phones.connect(_text(claims, "code"), public=public, label=label)
        return {"id": made.id, "account": made.account, "service": made.service, "seed": made.seed}

    def _look(self, claims: Mapping[str, Any], phone: Phone) -> Mapping[str, object]:
        question = self.phones.question(phone)
        shown = self._shown(question) if question else None
        return {"question": shown, "again": self.pace.wait(soonest=_SOONEST)}

    def _answer(self, claims: Mapping[str, Any], phone: Phone) -> Mapping[str, object]:
        said = _SAID.get(_text(claims, "answer"))
        if said is None:
            raise Refused("The app sent something that can't be read. Close it and open it again.")
        counted = self.phones.answer(phone, _text(claims, "request"), said, number=_text(claims, "number"))
        return {"counted": counted.value or "late"}

    def _wake(self, claims: Mapping[str, Any], phone: Phone) -> Mapping[str, object]:
        subscription = Subscription(
            endpoint=_text(claims, "endpoint", 2048), key=_text(claims, "key"), auth=_text(claims, "auth")
        )
        # One that is being set up may be anybody's; it says so again once it is a method.
        if phone.ready:
            self.phones.subscribe(phone, subscription)
        return {}

    def _shown(self, question: Question) -> Mapping[str, object]:
        asked = question.request
        browser, left = browser_of(asked.user_agent), asked.expires_at - self.clock.now()
        # Whoever sits beside their phone mostly comes from the same network: a word that helps.
        near = place(asked.address) == place(visit_of(request).network.address)
        return {
            "id": asked.id,
            "application": question.application,
            "setting_up": question.setting_up,
            "address": asked.address,
            "near": near,
            "browser": browser.name,
            "system": browser.system,
            "asked_at": asked.asked_at.isoformat(),
            "left": max(0, int(left.total_seconds())),
        }


def _text(claims: Mapping[str, Any], name: str, longest: int = 256) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > longest or UNSTORABLE.search(value):
        raise Refused("The app sent something that can't be read. Close it and open it again.", detail=name)
    return value
