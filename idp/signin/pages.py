"""The sign-in and sign-out pages: forms in, flow steps out as pages, redirects and cookies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, request

from idp.core.errors import Busy, Refused
from idp.core.model import SignIn, SignInRequest
from idp.core.ports import Clock, Pending
from idp.keys import Issuers
from idp.partners.own import LAUNCHER
from idp.partners.registry import Partners
from idp.sessions import Lifetimes
from idp.signin.ask_signout import SignOutQuestions
from idp.signin.content import content
from idp.signin.flow import Flow
from idp.signin.launcher import Launcher
from idp.signin.local import wish
from idp.signin.logout import LogoutStep, SignOut
from idp.signin.record import Expired, Finished
from idp.signin.steps import Step
from idp.web import cookies, headers, reply
from idp.web.cookies import Jar
from idp.web.harmless import not_by_head
from idp.web.pacing import Pace
from idp.web.templating import page, text_file
from idp.web.visit import visit_of

_SOONEST = 1.0  # seconds between two looks of a page that waits


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPages:
    """Everything a person sees between an application and its answer."""

    flow: Flow
    signout: SignOut
    questions: SignOutQuestions
    launcher: Launcher
    partners: Partners
    issuers: Issuers
    clock: Clock
    lifetimes: Lifetimes
    pace: Pace

    def blueprint(self) -> Blueprint:
        """Return the routes under /signin and /signout."""
        blueprint = Blueprint("signin", __name__)
        route = blueprint.add_url_rule
        route("/", "home", self._home)
        route("/applications", "applications", not_by_head(self._applications))
        route("/signin/arrive/<arrival>", "arrived", not_by_head(self._arrived))
        route("/signin/<sign_in_id>", "show", self._show)
        route("/signin/<sign_in_id>", "prove", self._prove, methods=["POST"])
        route("/signin/<sign_in_id>/outcome", "outcome", not_by_head(self._outcome))
        route("/signin/<sign_in_id>/choose", "choose", self._choose, methods=["POST"])
        route("/signin/<sign_in_id>/enrol", "enrol", self._enrol, methods=["POST"])
        route("/signin/<sign_in_id>/recovery-codes.txt", "recovery_codes", self._recovery_codes)
        route("/signin/<sign_in_id>/confirm", "confirm", self._confirm, methods=["POST"])
        route("/signin/<sign_in_id>/later", "later", self._later, methods=["POST"])
        route("/signin/<sign_in_id>/cancel", "cancel", self._cancel, methods=["POST"])
        route("/signin/<sign_in_id>/again", "again", self._again, methods=["POST"])
        route("/signout", "ask_signout", self._ask_signout)
        route("/signout", "signout", self._signout, methods=["POST"])
        route("/signout/onward/<chain>", "onward", not_by_head(self._onward))
        return blueprint

    def _home(self) -> Response:
        person, tiles = self.launcher(visit_of(request))
        if person is None:
            return page("home.html", signin_address="/applications")
        return page("home.html", username=person.name, tiles=tiles, signout_action="/signout")

    def _applications(self) -> Response:
        visit = visit_of(request)
        if self.launcher(visit)[0] is not None:
            return see("/")
        return self.respond(self.flow.begin(wish(self.issuers.default(), LAUNCHER, "/"), visit))

    # For the doors ----------------------------------------------------------------------------
    def arrive(self, arrived: SignInRequest) -> Response:
        """Keep a verified request that came by a cross-site POST and go on by GET."""
        return see("/signin/arrive/" + self.flow.records.arrive(arrived, visit_of(request).network.address))

    def respond(self, step: Step) -> Response:
        """Return the response for a step: to the partner, or to the sign-in's own address."""
        if step.reply is not None:
            response = reply.respond(
                step.reply,
                partner_name=step.partner.name,
                locale=step.sign_in.request.locale,
            )
        else:
            response = see("/signin/" + step.sign_in.id)
        return self._with_cookies(response, step)

    def respond_logout(self, step: LogoutStep) -> Response:
        """Return the response for a sign-out's step: to the next partner, or the last page."""
        if step.reply is not None:
            response = reply.respond(step.reply)
        elif step.frames:
            response = _frames(step)
        else:
            told = [(self._name(told.partner), told.outcome) for told in step.told]
            response = page("signout/done.html", results=told, locale=_wishes())
        # Another browser's sign-out may pass through here, or somebody signed in again meanwhile.
        if self.signout.current(visit_of(request)) is None:
            cookies.drop(response, Jar.SESSION)
        if step.browser is not None:
            cookies.keep(response, Jar.BROWSER, step.browser)
        return response

    def ask_signout(self, finish_door: str, finish: Mapping[str, str], *, locale: str = "") -> Response:
        """Ask the person before signing out: the partner could not show who asks for it."""
        question = {"then": self.questions.keep(finish_door, finish)}
        return see("/signout?" + urlencode({**question, "ui_locales": locale} if locale else question))

    # Signing in -------------------------------------------------------------------------------
    def _arrived(self, arrival: str) -> Response:
        try:
            arrived = self.flow.records.arrived(arrival)
        except Finished:
            # Reloaded, or from the back button: the application can send the person here again.
            return page("signin/finished.html", status=410)
        return self.respond(self.flow.begin(arrived, visit_of(request)))

    def _show(self, sign_in_id: str) -> Response:
        return self._page_of(sign_in_id, lambda: self.flow.show(sign_in_id, visit_of(request)))

    def _prove(self, sign_in_id: str) -> Response:
        visit, answer = visit_of(request), request.form.to_dict()
        return self._after(sign_in_id, lambda: self.flow.prove(sign_in_id, visit, answer))

    def _outcome(self, sign_in_id: str) -> Response:
        """Tell a page that waits how it stands, and when to ask again."""
        try:
            pending = self.flow.waiting(sign_in_id, visit_of(request))
        except (Finished, Expired):
            pending = Pending.SETTLED  # going on shows what there is to say
        again = self.pace.wait(soonest=_SOONEST) if pending is Pending.WAITING else _SOONEST
        return jsonify(state=pending.value, again=again)

    def _choose(self, sign_in_id: str) -> Response:
        visit = visit_of(request)
        factor, method = request.form.get("factor", ""), request.form.get("method", "")
        return self._after(sign_in_id, lambda: self.flow.choose(sign_in_id, visit, factor, method))

    def _enrol(self, sign_in_id: str) -> Response:
        visit, answer = visit_of(request), request.form.to_dict()
        return self._after(sign_in_id, lambda: self.flow.enrol(sign_in_id, visit, answer))

    def _recovery_codes(self, sign_in_id: str) -> Response:
        """Give the codes that the page shows as a file to keep."""
        step = self.flow.show(sign_in_id, visit_of(request))
        draft, person = step.sign_in.enrolment, step.person
        if step.reply is not None or draft is None or draft.factor != "recovery" or person is None:
            return self.respond(step)
        shown = self.flow.judge.factors.enrollers[draft.factor].show(person, draft)
        return text_file("recovery-codes.txt", "factors/recovery/codes.txt", username=person.name, **shown)

    def _confirm(self, sign_in_id: str) -> Response:
        visit = visit_of(request)
        what, answer = request.form.get("what", ""), request.form.get("answer", "")
        return self._after(sign_in_id, lambda: self.flow.confirm(sign_in_id, visit, what, answer))

    def _later(self, sign_in_id: str) -> Response:
        visit = visit_of(request)
        return self._after(sign_in_id, lambda: self.flow.later(sign_in_id, visit))

    def _cancel(self, sign_in_id: str) -> Response:
        visit = visit_of(request)
        return self._after(sign_in_id, lambda: self.flow.give_up(sign_in_id, visit))

    def _again(self, sign_in_id: str) -> Response:
        visit = visit_of(request)

        def start_again() -> Step:
            try:
                return self.flow.show(sign_in_id, visit)
            except Expired as expired:
                return self.flow.again(expired.sign_in, visit)

        return self._after(sign_in_id, start_again)

    def _after(self, sign_in_id: str, act: Callable[[], Step]) -> Response:
        return self.after(sign_in_id, lambda: self.respond(act()))

    def after(self, sign_in_id: str, act: Callable[[], Response]) -> Response:
        """Do what a form asks; a refused answer shows the current page again with the reason."""
        try:
            return act()
        except Refused as refused:
            # A form to correct is a page like any other; only "too busy" is said to programs too.
            text, status = refused.public, refused.status if isinstance(refused, Busy) else 200
        except Expired as expired:
            return self._expired(expired.sign_in)
        except Finished:
            # Sent twice, or from a page that the back button brought up again.
            return page("signin/finished.html", status=410)
        return self._page_of(sign_in_id, lambda: self.flow.show(sign_in_id, visit_of(request)), text, status)

    def _page_of(
        self, sign_in_id: str, step_of: Callable[[], Step], error: str = "", status: int = 200
    ) -> Response:
        try:
            step = step_of()
        except Expired as expired:
            return self._expired(expired.sign_in)
        except Finished:
            return page("signin/finished.html", status=410)
        if step.reply is not None:
            return self.respond(step)
        return self._with_cookies(self._render(step, error, status=status), step)

    def _expired(self, sign_in: SignIn) -> Response:
        partner = self.partners.get(sign_in.request.partner)
        return page(
            "signin/expired.html",
            status=410,
            locale=sign_in.request.locale,
            partner_name=partner.name if partner else "",
            action=f"/signin/{sign_in.id}/again",
        )

    # Rendering --------------------------------------------------------------------------------
    def _render(self, step: Step, error: str, *, status: int = 200) -> Response:
        template, own = content(self.flow, step, request.form)
        context = {
            "partner_name": step.partner.name,
            "cancel_action": f"/signin/{step.sign_in.id}/cancel",
            "choose_action": f"/signin/{step.sign_in.id}/choose",
            "username": step.person.name if step.person else "",
            "display_name": step.person.display_name if step.person else "",
            "error": error or step.problem or None,
            "resetting": step.sign_in.request.reset,
            **own,
        }
        # The last form may be answered by a redirect to the partner, which the browser only
        # follows when this page's policy lists it (CSP form-action).
        asked = step.sign_in.request
        return page(template, status=status, locale=asked.locale, reply_to=asked.reply_to, **context)

    def _with_cookies(self, response: Response, step: Step) -> Response:
        if step.browser is not None:
            cookies.keep(response, Jar.BROWSER, step.browser)
        if step.session is not None:
            ends = step.session_ends
            lifetime = None if ends is None else ends - self.clock.now()
            cookies.keep(response, Jar.SESSION, step.session, lifetime=lifetime)
        if step.device is not None:
            cookies.keep(response, Jar.DEVICE, step.device, lifetime=self.lifetimes.device)
        return response

    # Signing out ------------------------------------------------------------------------------
    def _ask_signout(self) -> Response:
        then = request.args.get("then", "")
        if self.signout.current(visit_of(request)) is None and not then:
            return page("signout/done.html", results=[])
        asked = {name: request.args.get(name, "") for name in ("then", "ui_locales")}
        query = urlencode({name: value for name, value in asked.items() if value})
        action = "/signout" + ("?" + query if query else "")
        return page("signout/ask.html", action=action, locale=asked["ui_locales"])

    def _signout(self) -> Response:
        door, finish = self.questions.take(request.args.get("then", ""))
        step = self.signout.begin(visit_of(request), finish_door=door, finish=finish)
        return self.respond_logout(step)

    def _onward(self, chain: str) -> Response:
        return self.respond_logout(self.signout.onward(chain, visit_of(request)))

    def _name(self, partner_id: str) -> str:
        partner = self.partners.get(partner_id)
        return partner.name if partner else "—"


def _frames(step: LogoutStep) -> Response:
    headers.allow_frames(step.frames)
    wishes = _wishes()
    onward = f"/signout/onward/{step.chain}" + ("?" + urlencode({"ui_locales": wishes}) if wishes else "")
    return page("signout/frames.html", frames=step.frames, onward=onward, locale=wishes)


def _wishes() -> str:
    """Return the languages that the partner who started the sign-out wishes for."""
    return request.args.get("ui_locales", "")


def see(address: str) -> Response:
    """Return the redirect to one of our own addresses, by GET."""
    response = redirect(address, 303)
    if not isinstance(response, Response):
        raise TypeError(address)
    return response
