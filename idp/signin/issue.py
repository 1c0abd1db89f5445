"""Make grants: the only place where anything is said about a person to a partner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from idp.audit import AuditLog
from idp.channels.notices import TRUSTED, Notices
from idp.claims import release, values
from idp.core.errors import Denied, Looping, Reason
from idp.core.ids import new_id, new_secret
from idp.core.model import (
    Grant,
    Participant,
    Person,
    Proof,
    Reply,
    Subject,
    SubjectForm,
    Visit,
)
from idp.core.ports import Clock, Door
from idp.methods.registered import STAND_INS
from idp.policy.model import Decision, Issue
from idp.sessions import Consents, Devices, Grants, Lifetimes, Session, Sessions, Subjects
from idp.signin.entries import agreed, displaced, issued, looped, trusted
from idp.signin.farewell import Farewell
from idp.signin.judge import Judged
from idp.signin.limits import Limits
from idp.store import Store, Unit


class _OutrunError(Exception):
    """Another answer was faster: of the same session to the same partner."""


class _TakenError(Exception):
    """The browser has a session already, and not the one whose cookie it brought."""


class _LoopError(Exception):
    """The partner was answered so often, so fast, that it must be sending the browser back at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A reply that says the grant, and the cookies that go with it (None: leave as it is)."""

    reply: Reply
    session: str | None
    session_ends: datetime | None
    device: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """Turns a decision to issue into a grant, a session and the partner's answer."""

    store: Store
    clock: Clock
    doors: Mapping[str, Door]
    sessions: Sessions
    grants: Grants
    consents: Consents
    subjects: Subjects
    devices: Devices
    farewell: Farewell
    notices: Notices
    audit: AuditLog
    lifetimes: Lifetimes
    limits: Callable[[], Limits]

    def __call__(self, judged: Judged, visit: Visit) -> Issued:
        """Answer the partner. Raises Denied when the subject can't be named or the session is gone.

        What is recorded commits in one unit, after the answer was made and before it leaves.
        """
        while True:
            try:
                return self._once(judged, visit)
            except _OutrunError:
                # Two windows of one browser: its session has one participant for a partner, so
                # this answer is made again with that.
                continue
            except _TakenError:
                # And the browser has one session. A cookie of another was ended by the faster
                # window, or comes from elsewhere: with it this would never end.
                judged = replace(judged, session=None)
            except _LoopError:
                raise self._looping(judged) from None

    def _once(self, judged: Judged, visit: Visit) -> Issued:
        if not isinstance(judged.decision.verdict, Issue) or judged.person is None:
            raise Denied("Nothing was proved.", reason=Reason.LOGIN_REQUIRED, detail="not decided")
        now = self.clock.now()
        with self.store.read() as connection:
            current = judged.session or self.sessions.of_browser(connection, judged.sign_in.browser, now)
            session = self._session(judged, current, now)
            joined = self.sessions.joined(connection, session.id, judged.partner.id)
        participant = self._participant(judged, judged.person, session, joined, now)
        door = self.doors[judged.sign_in.request.door]
        grant = self._grant(judged, judged.person, session, participant, now, keeps=door.keeps_grants)
        reply = door.answer(grant)
        with self.store.write() as unit:
            secret = self._keep_session(unit, judged, session, current, now)
            if joined is None:
                if not self.sessions.join(unit, participant, now):
                    raise _OutrunError
            else:
                self._rejoin(unit, participant, joined, now)
            if door.keeps_grants:
                self._keep_grant(unit, grant)
            self._keep_consent(unit, judged, now)
            device = self._remember(unit, judged, session, visit, secret, now)
            self.audit.record(unit, issued(judged, grant))
        return Issued(
            reply=reply,
            session=secret,
            session_ends=session.expires_at if session.persistent else None,
            device=device,
        )

    # The parts of a grant ---------------------------------------------------------------------
    def _session(self, judged: Judged, current: Session | None, now: datetime) -> Session:
        sign_in = judged.sign_in
        if current is not None and current.person == sign_in.person:
            return current
        return self.sessions.prepare(person=sign_in.person, proofs=sign_in.proofs, stay=sign_in.stay, now=now)

    def _participant(
        self,
        judged: Judged,
        person: Person,
        session: Session,
        joined: Participant | None,
        now: datetime,
    ) -> Participant:
        request = judged.sign_in.request
        return Participant(
            id=joined.id if joined else new_id(),
            session=session.id,
            person=person.id,
            partner=judged.partner.id,
            door=request.door,
            issuer=request.issuer,
            subject=self._subject(judged, person, joined, now),
        )

    def _subject(self, judged: Judged, person: Person, joined: Participant | None, now: datetime) -> Subject:
        request = judged.sign_in.request
        qualifier = request.subject_qualifier or judged.partner.identifier
        match request.subject:
            case SubjectForm.PUBLIC:
                return Subject(value=person.id, form=request.subject)
            case SubjectForm.TRANSIENT:
                return Subject(value=new_id(), form=request.subject, qualifier=qualifier)
            case SubjectForm.EMAIL:
                return Subject(value=_mail(person, request.subject_attribute or "mail"), form=request.subject)
            case SubjectForm.ATTRIBUTE:
                return Subject(value=_named(person, request.subject_attribute), form=request.subject)
            case SubjectForm.PAIRWISE:
                if joined is not None and _is_pairwise(joined.subject, qualifier):
                    return joined.subject
                value = self.subjects.pairwise(person=person.id, qualifier=qualifier, now=now)
                return Subject(value=value, form=request.subject, qualifier=qualifier)

    def _grant(
        self,
        judged: Judged,
        person: Person,
        session: Session,
        participant: Participant,
        now: datetime,
        *,
        keeps: bool,
    ) -> Grant:
        decision = judged.decision
        if decision.reached is None:
            raise Denied("Nothing was proved.", reason=Reason.LOGIN_REQUIRED, detail="no strength")
        return Grant(
            id=new_id(),
            request=judged.sign_in.request,
            person=person.id,
            subject=participant.subject,
            claims=release(person, judged.partner, wanted=judged.sign_in.request.wanted).claims,
            amr=amr_of(decision),
            acr=decision.reached,
            authenticated_at=min(proof.at for proof in decision.counted if not proof.remembered),
            issued_at=now,
            session=session.id,
            session_ends=session.expires_at,
            participant=participant.id,
            address=judged.sign_in.network.address,
            handle=new_secret() if keeps else "",
        )

    # What is recorded -------------------------------------------------------------------------
    def _keep_session(
        self,
        unit: Unit,
        judged: Judged,
        session: Session,
        current: Session | None,
        now: datetime,
    ) -> str | None:
        """Open, extend or check the session; return the new cookie secret, if there is one."""
        if session is not current:
            if current is not None:
                # Somebody else signed in on this browser: the former person's session is over.
                ended = self.farewell.end(unit, (current.id,), now)
                if ended.sessions:
                    self.audit.record(unit, displaced(judged, current, ended))
            opened = self.sessions.open(unit, session, judged.sign_in.browser, network=judged.sign_in.network)
            if opened is None:
                raise _TakenError
            return opened
        kept = merge(session.proofs, judged.sign_in.proofs)
        # A session that the browser brought no cookie of gets a new one in any case.
        if kept != session.proofs or judged.session is None:
            secret = self.sessions.gain(unit, session, kept)
            if secret is not None:
                return secret
        elif self.sessions.alive(unit.connection, session.id, now):
            return None
        raise Denied(
            "You were signed out meanwhile. Please sign in again.",
            reason=Reason.LOGIN_REQUIRED,
            detail="session ended during the sign-in",
        )

    def _rejoin(self, unit: Unit, participant: Participant, joined: Participant, now: datetime) -> None:
        limits = self.limits()
        answers = self.sessions.answered(unit, joined.id, now, within=limits.loop)
        if answers is None:
            raise _OutrunError
        if answers > limits.answers:
            raise _LoopError
        if participant != joined:
            self.sessions.rejoin(unit, participant)

    def _looping(self, judged: Judged) -> Looping:
        looping = Looping("The application keeps sending you back here, so we stopped.")
        with self.store.write() as unit:
            self.audit.record(unit, looped(judged, looping.reference))
        return looping

    def _keep_consent(self, unit: Unit, judged: Judged, now: datetime) -> None:
        request, person = judged.sign_in.request, judged.sign_in.person
        if "consent" not in judged.sign_in.confirmed or not request.consent:
            return
        self.consents.give(unit, person=person, partner=request.partner, scopes=request.consent, now=now)
        self.audit.record(unit, agreed(judged))

    def _keep_grant(self, unit: Unit, grant: Grant) -> None:
        self.grants.keep(
            unit,
            grant,
            handle_ends_at=grant.issued_at + self.lifetimes.handle,
            expires_at=grant.issued_at + self.lifetimes.grant,
        )

    def _remember(
        self,
        unit: Unit,
        judged: Judged,
        session: Session,
        visit: Visit,
        secret: str | None,
        now: datetime,
    ) -> str | None:
        if secret is None:
            return None
        sign_in = judged.sign_in
        fresh = self.devices.remember(
            unit,
            secret=visit.device,
            person=session.person,
            label=sign_in.network.user_agent,
            now=now,
        )
        if sign_in.remember and judged.decision.remember:
            return self._trust(unit, judged, visit.device if fresh is None else fresh)
        return fresh

    def _trust(self, unit: Unit, judged: Judged, known_by: str) -> str | None:
        """Have the browser stand in for what was shown on it just now, and tell the person.

        Return the secret that it is known by from now on.
        """
        shown = _memorable(judged)
        if not shown or judged.person is None:
            return known_by
        self.audit.record(unit, trusted(judged))
        self.notices.tell(unit, judged.person, TRUSTED)
        return self.devices.trust(unit, secret=known_by, person=judged.person.id, proofs=shown)


def amr_of(decision: Decision) -> tuple[str, ...]:
    """Return the RFC 8176 methods of what counted, with "mfa" when two kinds did."""
    values = dict.fromkeys(value for proof in decision.counted for value in proof.amr)
    kinds = {kind for proof in decision.counted for kind in proof.kinds}
    return (*values, "mfa") if len(kinds) > 1 else tuple(values)


def merge(kept: tuple[Proof, ...], new: tuple[Proof, ...]) -> tuple[Proof, ...]:
    """Return proofs with newer ones in place of older ones of the same factor and method."""
    latest: dict[tuple[str, str], Proof] = {}
    # What was shown goes before what stands in for it.
    for proof in sorted((*kept, *new), key=lambda proof: (proof.at, not proof.remembered)):
        latest[(proof.factor, proof.method)] = proof
    return tuple(latest.values())


def _memorable(judged: Judged) -> tuple[Proof, ...]:
    """Return what a browser may stand in for: the person's own methods, shown in this very sign-in."""
    return tuple(
        proof
        for proof in judged.decision.counted
        if proof.method
        and proof.factor not in STAND_INS
        and not proof.remembered
        and proof.at >= judged.sign_in.started_at
    )


def _is_pairwise(subject: Subject, qualifier: str) -> bool:
    return subject.form is SubjectForm.PAIRWISE and subject.qualifier == qualifier


def _mail(person: Person, attribute: str) -> str:
    mail = values(person, attribute)
    if not mail:
        raise Denied(
            "This application needs an e-mail address, and none is on record for you.",
            reason=Reason.SUBJECT,
            detail=f"no {attribute}",
        )
    return mail[0]


def _named(person: Person, attribute: str) -> str:
    found = values(person, attribute)
    # Of several a source may give another one first tomorrow: that would be somebody else.
    if len(found) != 1:
        raise Denied(
            "This application needs something to know you by that is not on record for you.",
            reason=Reason.SUBJECT,
            detail=f"{len(found)} values of {attribute!r}",
        )
    return found[0]
