"""The console's pages about applications: a list, what one is, and how one is added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote

from flask import Blueprint, Response, redirect, request
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from idp.admin.drafts import Draft, Drafts, Gone
from idp.admin.facts import redirects_of, saml_facts, saml_facts_of
from idp.core.errors import Refused
from idp.core.model import Actor, Partner, Person
from idp.core.ports import Clock
from idp.desk.partners import PartnerDesk
from idp.desk.rights import NotAllowed, need_owner
from idp.desk.sources import Preview, SourceDesk
from idp.desk.watching import Published
from idp.partners import own
from idp.partners.documents import LIMIT, SeveralEntities, check_fingerprint
from idp.partners.sources import Mode
from idp.signin.local import Reception
from idp.signin.pages import SignInPages
from idp.web.i18n import mark
from idp.web.templating import page
from idp.web.visit import visit_of

P = ParamSpec("P")
_PAGE = 50
_MOST_CHOICES = 500
_FORM = 64 * 1024  # bytes of an upload that are not the file
_TOO_LARGE = mark("The file is too large to be the metadata of one application.")
_SAID = {
    "unchanged": mark("Nothing has changed at the address."),
    "applied": mark("The changes are applied."),
    "held": mark("Something has changed: look at it below."),
    "failed": mark("Nothing could be used: see below. What is trusted stays as it is."),
    "rejected": mark("The changes are dropped."),
    "saved": mark("Saved. People can sign in to this application now."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Who sits at the console."""

    person: Person

    @property
    def actor(self) -> Actor:
        """Return the person as the desk knows them."""
        return Actor(kind="person", id=self.person.id, roles=self.person.roles)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminPages:
    """Everything under /admin. Every page and every form asks again who is there."""

    signin: SignInPages
    reception: Reception
    partners: PartnerDesk
    sources: SourceDesk
    drafts: Drafts
    clock: Clock

    def blueprint(self) -> Blueprint:
        """Return the routes under /admin."""
        blueprint = Blueprint("admin", __name__, url_prefix="/admin")
        route, owner = blueprint.add_url_rule, self._owner
        route("", "home", lambda: _see("/admin/applications"))
        route("/other", "other", self._other)
        route("/applications", "applications", owner(self._applications))
        route("/applications/new", "new", owner(self._new))
        route("/applications/new", "add", owner(self._add), methods=["POST"])
        route("/applications/new/<draft_id>", "draft", owner(self._draft))
        route("/applications/new/<draft_id>", "save", owner(self._save), methods=["POST"])
        route("/applications/<partner_id>", "application", owner(self._application))
        route("/applications/<partner_id>", "act", owner(self._act), methods=["POST"])
        return blueprint

    # Who may be here --------------------------------------------------------------------------
    def _owner(self, view: Callable[Concatenate[Seat, P], Response]) -> Callable[P, Response]:
        """Return the view for owners: others are told kindly, and who is nobody yet signs in."""

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
            visit = visit_of(request)
            person = self.reception.who(visit)
            if person is None:
                return self.signin.respond(self.reception.enter(quote(request.path), visit))
            seat = Seat(person=person)
            try:
                need_owner(seat.actor)
            except NotAllowed:
                return page("admin/refused.html", status=403, username=person.name)
            return view(seat, *args, **kwargs)

        return guarded

    def _other(self) -> Response:
        step = self.reception.enter("/admin/applications", visit_of(request), as_another=True)
        return self.signin.respond(step)

    # Applications -----------------------------------------------------------------------------
    def _applications(self, seat: Seat) -> Response:
        wanted = request.args.get("q", "").strip()[:200]
        last = request.args.get("after", "")
        after = self._partner(seat, last) if last else None
        found = self.partners.listing(search=wanted, after=after, limit=_PAGE + 1, actor=seat.actor)
        shown = found[:_PAGE]
        return _page(
            "admin/applications.html",
            seat,
            wanted=wanted,
            further=bool(last),
            found=shown,
            next=shown[-1].id if len(found) > _PAGE else "",
            sources=self.sources.beside(shown, actor=seat.actor),
            unusable=self.sources.unread(actor=seat.actor),
        )

    def _application(self, seat: Seat, partner_id: str, error: str = "") -> Response:
        partner = self._partner(seat, partner_id)
        return _page(
            "admin/application.html",
            seat,
            status=422 if error else 200,
            partner=partner,
            watched=self.sources.show(partner.id, actor=seat.actor),
            facts=saml_facts_of(partner, now=self.clock.now()),
            redirects=redirects_of(partner),
            said=_SAID.get(request.args.get("said", ""), ""),
            error=error,
        )

    def _act(self, seat: Seat, partner_id: str) -> Response:
        partner = self._partner(seat, partner_id)
        try:
            said = self._done(seat.actor, partner.id, request.form.get("action", ""))
        except Refused as refused:
            return self._application(seat, partner.id, error=refused.public)
        return _see(f"/admin/applications/{partner.id}" + (f"?said={said}" if said else ""))

    def _done(self, actor: Actor, partner_id: str, action: str) -> str:
        """Do what a button says; return what to say then. Raises Refused."""
        # Whoever approves has seen exactly this: another change may have come in between.
        seen = request.form.get("seen") or "-"
        match action:
            case "refresh":
                return self.sources.refresh(partner_id, actor=actor).outcome.value
            case "approve":
                return self.sources.approve(partner_id, seen=seen, actor=actor).outcome.value
            case "reject":
                self.sources.reject(partner_id, seen=seen, actor=actor)
                return "rejected"
            case "enable" | "disable":
                self.partners.set_enabled(partner_id, enabled=action == "enable", actor=actor)
                return ""
        raise Refused("The request could not be understood.")

    def _partner(self, seat: Seat, partner_id: str) -> Partner:
        try:
            found = self.partners.show(partner_id, actor=seat.actor)
        except Refused as refused:
            raise NotFound from refused
        if found.id != partner_id or found.door == own.DOOR:
            raise NotFound
        return found

    # Adding one -------------------------------------------------------------------------------
    def _new(
        self, seat: Seat, error: str = "", status: int = 422, typed: Mapping[str, str] | None = None
    ) -> Response:
        typed = request.form if typed is None else typed
        return _page(
            "admin/new.html",
            seat,
            status=status if error else 200,
            error=error,
            by_address="address" in typed,
            address=typed.get("address", "")[:2000],
            fingerprint=typed.get("fingerprint", "")[:200],
        )

    def _add(self, seat: Seat) -> Response:
        request.max_content_length = LIMIT + _FORM
        try:
            draft = self._drafted(seat)
        except RequestEntityTooLarge:
            return self._new(seat, error=_TOO_LARGE, status=413, typed={})
        except Refused as refused:
            return self._new(seat, error=refused.public)
        return _see(f"/admin/applications/new/{draft.id}")

    def _drafted(self, seat: Seat) -> Draft:
        """Keep what was uploaded or is at the address, once it is known to be of use."""
        address, signer = request.form.get("address", "").strip(), request.form.get("fingerprint", "")
        signer = check_fingerprint(signer) if signer.strip() else ""
        upload = request.files.get("file")
        if address:
            published = self.sources.fetch(address, size=LIMIT, actor=seat.actor)
        elif upload is not None and upload.filename:
            published = Published(data=upload.read(LIMIT + 1))
        else:
            raise Refused("Type an address, or choose a file.")
        if len(published.data) > LIMIT:
            raise Refused(_TOO_LARGE)
        with suppress(SeveralEntities):  # which one is asked on the next page
            self.sources.preview(published.data, signer=signer, actor=seat.actor)
        return self.drafts.keep(published, person=seat.person.id, address=address, signer=signer)

    def _draft(
        self, seat: Seat, draft_id: str, error: str = "", typed: Mapping[str, str] | None = None
    ) -> Response:
        try:
            draft = self.drafts.load(draft_id, person=seat.person.id)
            preview = self._preview(seat, draft)
        except SeveralEntities as several:
            return _choice(seat, draft_id, several, error)
        except Gone as gone:
            return self._new(seat, error=gone.public, status=gone.status)
        except Refused as refused:  # it has expired while it lay here
            return self._new(seat, error=refused.public)
        return _page(
            "admin/preview.html",
            seat,
            status=422 if error else 200,
            draft=draft,
            preview=preview,
            facts=saml_facts(preview.settings, now=self.clock.now()),
            typed=typed or _typed(preview),
            error=error,
        )

    def _save(self, seat: Seat, draft_id: str) -> Response:
        try:
            draft = self.drafts.load(draft_id, person=seat.person.id)
        except Gone as gone:
            return self._new(seat, error=gone.public, status=gone.status)
        form = {name: value[:2000] for name, value in request.form.items()}
        try:
            if "entity" in form:
                self._preview(seat, self.drafts.choose(draft, form["entity"].strip()))
                return _see(f"/admin/applications/new/{draft.id}")
            partner = self._saved(seat, draft, form)
        except Refused as refused:
            if "entity" in form:
                self.drafts.choose(draft, "")
            return self._draft(seat, draft_id, error=refused.public, typed=form)
        self.drafts.drop(draft)
        return _see(f"/admin/applications/{partner.id}?said=saved")

    def _saved(self, seat: Seat, draft: Draft, form: Mapping[str, str]) -> Partner:
        name, release = form.get("name", "").strip(), _names(form.get("release", ""))
        if draft.address:
            mode = Mode.HOLD if form.get("mode") == Mode.HOLD.value else Mode.AUTOMATIC
            return self.sources.watch(
                draft.address,
                draft.published,
                entity_id=draft.entity_id,
                signer=draft.signer,
                mode=mode,
                name=name,
                release=release,
                actor=seat.actor,
            ).partner
        return self.partners.import_metadata(
            draft.data,
            entity_id=draft.entity_id,
            signer=draft.signer,
            name=name,
            release=release,
            actor=seat.actor,
        ).partner

    def _preview(self, seat: Seat, draft: Draft) -> Preview:
        return self.sources.preview(
            draft.data,
            entity_id=draft.entity_id,
            signer=draft.signer,
            watched=bool(draft.address),
            actor=seat.actor,
        )


def _choice(seat: Seat, draft_id: str, several: SeveralEntities, error: str) -> Response:
    return _page(
        "admin/choose.html",
        seat,
        status=422 if error else 200,
        action=f"/admin/applications/new/{draft_id}",
        entities=several.entities[:_MOST_CHOICES],
        count=len(several.entities),
        error=error,
    )


def _page(template: str, seat: Seat, *, status: int = 200, **context: Any) -> Response:
    return page(template, status=status, username=seat.person.name, **context)


def _typed(preview: Preview) -> Mapping[str, str]:
    known = preview.known
    return {
        "name": known.name if known else preview.name,
        "release": ", ".join(known.release) if known else "uid, mail, displayName",
        "mode": Mode.AUTOMATIC.value,
    }


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _see(address: str) -> Response:
    response = redirect(address, 303)
    if not isinstance(response, Response):
        raise TypeError(address)
    return response
