"""The pages under /reset: where a person who forgot the password begins, and where the new one arrives.

What lies between is a sign-in like any other, with its own pages. It is never answered: see
docs/decisions/0031.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from idp.core.errors import BadMessage
from idp.desk.own_password import OwnPassword
from idp.keys import Issuers
from idp.policy.model import Reset
from idp.signin.local import forgotten
from idp.signin.pages import SignInPages
from idp.web.harmless import not_by_head
from idp.web.templating import page
from idp.web.visit import visit_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPages:
    """Everything under /reset."""

    signin: SignInPages
    issuers: Issuers
    passwords: OwnPassword

    def blueprint(self) -> Blueprint:
        """Return the routes under /reset."""
        blueprint = Blueprint("reset", __name__, url_prefix="/reset")
        blueprint.add_url_rule("", "begin", not_by_head(self._begin))
        blueprint.add_url_rule("/<sign_in_id>", "choose", self._choose, methods=["POST"])
        return blueprint

    def _begin(self) -> Response:
        visit, issuer, wanted = visit_of(request), self.issuers.default(), request.args.get("from", "")
        try:
            sign_in, _ = self.signin.flow.records.load(wanted, visit)
        except BadMessage:
            asked = forgotten(issuer, "/")  # no sign-in of this very browser
        else:
            asked = forgotten(issuer, f"/signin/{sign_in.id}", locale=sign_in.request.locale)
        return self.signin.respond(self.signin.flow.begin(asked, visit))

    def _choose(self, sign_in_id: str) -> Response:
        visit = visit_of(request)

        def choose() -> Response:
            step = self.signin.flow.show(sign_in_id, visit)
            if not isinstance(step.decision.verdict, Reset):
                return self.signin.respond(step)
            self.passwords.reset(step, request.form.get("new", ""), visit=visit)
            onward = urlsplit(step.sign_in.request.reply_to).path
            return page("portal/ended.html", password=True, onward=onward)

        return self.signin.after(sign_in_id, choose)
