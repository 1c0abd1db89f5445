"""The pages under /me: how a person signs in, what they may change about it, and what happened lately."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from flask import Blueprint, Response, request

from idp.core.errors import Refused
from idp.core.model import Actor, Offer, Person
from idp.core.ports import Enroller
from idp.desk.endings import SignedOut
from idp.desk.own_password import OwnPassword
from idp.desk.security_info import SecurityDesk
from idp.desk.sessions import OwnSessions
from idp.signin.local import Reception
from idp.signin.pages import SignInPages, see
from idp.web.i18n import mark
from idp.web.templating import page
from idp.web.visit import visit_of

P = ParamSpec("P")
_HOME = "/me"
_SAID = {
    "preferred": mark("It is asked for first from now on."),
    "asked": mark("That browser is asked again from now on."),
    "renamed": mark("The name is changed."),
    "removed": mark("It is removed, and can no longer be used to sign in."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalPages:
    """Everything under /me. Each page and form asks again who is there, and how lately they showed it."""

    signin: SignInPages
    reception: Reception
    desk: SecurityDesk
    passwords: OwnPassword
    sessions: OwnSessions
    enrollers: Mapping[str, Enroller]

    def blueprint(self) -> Blueprint:
        """Return the routes under /me."""
        blueprint = Blueprint("portal", __name__, url_prefix=_HOME)
        route, own = blueprint.add_url_rule, self._own
        route("", "home", own(self._home))
        route("/add", "add", own(self._add), methods=["POST"])
        route("/methods/<method_id>", "change", own(self._change), methods=["POST"])
        route("/browsers/<device>", "ask_again", own(self._ask_again), methods=["POST"])
        route("/password", "password", own(self._password), methods=["POST"])
        route("/sessions", "end_others", own(self._end_others), methods=["POST"])
        route("/sessions/<session_id>", "end_session", own(self._end_session), methods=["POST"])
        route("/not-me", "not_me", own(self._not_me), methods=["POST"])
        return blueprint

    def _own(self, view: Callable[Concatenate[Person, P], Response]) -> Callable[P, Response]:
        """Return the view for whoever has shown lately who they are; others do so first."""

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
            visit = visit_of(request)
            person = self.reception.who(visit)
            if person is None:
                return self.signin.respond(self.reception.enter(_HOME, visit))
            return view(person, *args, **kwargs)

        return guarded

    def _home(
        self, person: Person, error: str = "", *, opened: str = "", ended: SignedOut | None = None
    ) -> Response:
        addable = self._offers(person)
        return page(
            "portal/me.html",
            person=person,
            info=self.desk.show(actor=_actor(person)),
            kinds={offer.factor: offer.label for offer in addable},
            addable=addable,
            said=_SAID.get(request.args.get("said", ""), ""),
            password=self.passwords.mine(person),
            sessions=self.sessions.show(visit=visit_of(request), actor=_actor(person)),
            ended=ended,
            opened=opened,
            error=error,
        )

    def _offers(self, person: Person) -> tuple[Offer, ...]:
        return tuple(offer for one in self.enrollers.values() if (offer := one.propose(person)))

    def _add(self, person: Person) -> Response:
        factor = request.form.get("factor", "")
        if factor not in {offer.factor for offer in self._offers(person)}:
            return see(_HOME)
        return self.signin.respond(self.reception.enter(_HOME, visit_of(request), register=factor))

    def _change(self, person: Person, method_id: str) -> Response:
        actor, action = _actor(person), request.form.get("action", "")
        try:
            if action == "rename":
                self.desk.rename(method_id, request.form.get("label", ""), actor=actor)
                return see(f"{_HOME}?said=renamed")
            if action == "prefer":
                self.desk.prefer(method_id, actor=actor)
                return see(f"{_HOME}?said=preferred")
            if action == "remove":
                self.desk.remove(method_id, actor=actor)
                return see(f"{_HOME}?said=removed")
        except Refused as refused:
            return self._home(person, refused.public)
        return see(_HOME)

    def _ask_again(self, person: Person, device: str) -> Response:
        try:
            self.desk.ask_again(device, actor=_actor(person))
        except Refused as refused:
            return self._home(person, refused.public)
        return see(f"{_HOME}?said=asked")

    def _password(self, person: Person) -> Response:
        current, new = request.form.get("current", ""), request.form.get("new", "")
        try:
            self.passwords.change(current, new, visit=visit_of(request), actor=_actor(person))
        except Refused as refused:
            return self._home(person, refused.public, opened="password")
        return page("portal/ended.html", password=True)

    def _end_session(self, person: Person, session_id: str) -> Response:
        visit, actor = visit_of(request), _actor(person)
        return self._ended(person, lambda: self.sessions.end(session_id, visit=visit, actor=actor))

    def _end_others(self, person: Person) -> Response:
        visit, actor = visit_of(request), _actor(person)
        return self._ended(person, lambda: self.sessions.end_others(visit=visit, actor=actor))

    def _ended(self, person: Person, ending: Callable[[], SignedOut]) -> Response:
        """End sessions and say on the page which applications could not be told."""
        try:
            return self._home(person, ended=ending())
        except Refused as refused:
            return self._home(person, refused.public)

    def _not_me(self, person: Person) -> Response:
        ended = self.desk.not_me(visit=visit_of(request), actor=_actor(person))
        return page("portal/ended.html", results=ended.results)


def _actor(person: Person) -> Actor:
    return Actor(kind="person", id=person.id, roles=person.roles)
