"""The hallway: begin, prove, advance, issue, renew. Steps never call steps.

Every step changes the record by compare-and-set and comes back to `advance`, which asks policy
what is needed next. Nothing remembers which step comes after which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from idp.core.errors import Denied, Reason, Refused
from idp.core.ids import fingerprint, new_id, new_secret
from idp.core.model import Grant, Offer, Proof, SignIn, SignInRequest, Visit
from idp.policy.model import Ask, Confirm, Deny, Issue, Register
from idp.signin.attempts import Attempt, Attempts, TooMany
from idp.signin.issue import Issued, Issuing, merge
from idp.signin.judge import Judge, Judged, without_proofs
from idp.signin.record import SignIns
from idp.signin.renewal import Renewal
from idp.signin.steps import Step, denied_of, finished, page, said_by_partner


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One sign-in after another, for every protocol and every factor alike."""

    judge: Judge
    issuing: Issuing
    records: SignIns
    attempts: Attempts
    renewal: Renewal

    # In ---------------------------------------------------------------------------------------
    def begin(self, request: SignInRequest, visit: Visit) -> Step:
        """Start a sign-in with the proofs that the browser's session kept, if they may be used."""
        now = self.judge.clock.now()
        with self.judge.store.read() as connection:
            session = self.issuing.sessions.live(connection, visit.session, now)
        usable = session is not None and not request.force
        if session is not None and request.expected_person not in ("", session.person):
            usable = False
        browser = visit.browser or new_secret()
        sign_in = SignIn(
            id=new_id(),
            request=request,
            browser=fingerprint(browser),
            network=visit.network,
            started_at=now,
            expires_at=now + self.records.lifetime,
            proofs=session.proofs if session is not None and usable else (),
            session=session.id if session is not None and usable else "",
            correlation=visit.correlation,
        )
        step = self._advance(sign_in, None, visit)
        return step if visit.browser else replace(step, browser=browser)

    def again(self, expired: SignIn, visit: Visit) -> Step:
        """Start an expired sign-in's request afresh, with nothing proved."""
        return self._advance(self.records.again(expired), None, visit)

    # Along the way ----------------------------------------------------------------------------
    def show(self, sign_in_id: str, visit: Visit) -> Step:
        """Return where the sign-in is; changes nothing that is still right."""
        sign_in, version = self.records.load(sign_in_id, visit)
        return self._advance(sign_in, version, visit)

    def prove(self, sign_in_id: str, visit: Visit, answer: Mapping[str, str]) -> Step:
        """Check the answer to what was asked and go on. Raises Refused to try again.

        A factor that was not just asked for proves nothing: the current page comes back.
        """
        sign_in, version = self.records.load(sign_in_id, visit)
        asked, judged = sign_in.asked, self.judge(sign_in)
        given = (answer.get("factor", ""), answer.get("method", ""))
        if asked is None or given != (asked.factor, asked.method) or not _offered(judged):
            return self._advance(sign_in, version, visit)
        factor = self.judge.factors.provers[asked.factor]
        attempt = Attempt(
            sign_in=sign_in,
            visit=visit,
            factor=factor.name,
            target=factor.target(sign_in, answer),
            typed=answer.get("username", ""),
        )
        try:
            proof = self.attempts.check(attempt, lambda: factor.prove(sign_in, answer))
        except TooMany:
            return self._saved(replace(sign_in, ended=Reason.TOO_MANY_ATTEMPTS), version, visit)
        stay = sign_in.stay or answer.get("stay") == "1"
        return self._proved(sign_in, version, visit, proof, stay=stay)

    def choose(self, sign_in_id: str, visit: Visit, factor: str, method: str) -> Step:
        """Ask another way, out of those that policy offers now. Raises Refused."""
        sign_in, version = self.records.load(sign_in_id, visit)
        judged = self.judge(sign_in)
        verdict = judged.decision.verdict
        if isinstance(verdict, Ask):
            for offer in verdict.offers:
                if (offer.factor, offer.method) == (factor, method):
                    return self._asking(judged, version, visit, offer)
        if isinstance(verdict, Register) and factor in verdict.factors:
            return self._drafting(judged, version, visit, factor)
        return self._advance(sign_in, version, visit)

    def enrol(self, sign_in_id: str, visit: Visit, answer: Mapping[str, str]) -> Step:
        """Confirm the method being set up, store it, and count the proof it gave. Raises Refused."""
        sign_in, version = self.records.load(sign_in_id, visit)
        judged, draft = self.judge(sign_in), sign_in.enrolment
        verdict, person = judged.decision.verdict, judged.person
        if draft is None or person is None or not isinstance(verdict, Register):
            return self._advance(sign_in, version, visit)
        if draft.factor not in verdict.factors or answer.get("factor") != draft.factor:
            return self._advance(sign_in, version, visit)
        enroller = self.judge.factors.enrollers[draft.factor]
        attempt = Attempt(sign_in=sign_in, visit=visit, factor=draft.factor, target="enrol:" + person.id)
        try:
            new = self.attempts.check(attempt, lambda: enroller.confirm(person, draft, answer))
        except TooMany:
            return self._saved(replace(sign_in, ended=Reason.TOO_MANY_ATTEMPTS), version, visit)
        with self.judge.store.write() as unit:
            method = self.judge.methods.add(unit, person.id, new)
            self.attempts.registered(unit, attempt)
        proof = replace(new.proof, method=method.id)
        return self._proved(sign_in, version, visit, proof, stay=sign_in.stay)

    def confirm(self, sign_in_id: str, visit: Visit, what: str, answer: str) -> Step:
        """Take the person's answer to a question that was asked: "yes", or "other" (account)."""
        sign_in, version = self.records.load(sign_in_id, visit)
        verdict = self.judge(sign_in).decision.verdict
        if not isinstance(verdict, Confirm) or verdict.what != what:
            return self._advance(sign_in, version, visit)
        if what == "account" and answer == "other":
            sign_in = without_proofs(sign_in)
        elif answer != "yes":
            return self.give_up(sign_in_id, visit)
        confirmed = replace(sign_in, confirmed=(*sign_in.confirmed, what))
        return self._saved(confirmed, version, visit)

    def give_up(self, sign_in_id: str, visit: Visit) -> Step:
        """End a sign-in at the person's wish, and tell the partner no."""
        sign_in, _ = self.records.load(sign_in_id, visit)
        judged = self.judge(sign_in)
        self.records.claim(sign_in)
        verdict = judged.decision.verdict
        reason = verdict.reason if isinstance(verdict, Deny) else Reason.CANCELLED
        return self._deny(judged, denied_of(Deny(reason=reason)))

    # Onward -----------------------------------------------------------------------------------
    def _proved(self, sign_in: SignIn, version: int, visit: Visit, proof: Proof, *, stay: bool) -> Step:
        proofs = merge(sign_in.proofs, (proof,))
        proved = replace(sign_in, proofs=proofs, asked=None, enrolment=None, stay=stay)
        return self._saved(proved, version, visit)

    def _saved(self, sign_in: SignIn, version: int, visit: Visit) -> Step:
        saved = self.records.save(sign_in, version)
        if saved is None:
            # Another answer was faster: show where the sign-in is now.
            return self.show(sign_in.id, visit)
        return self._advance(sign_in, saved, visit)

    def _advance(self, sign_in: SignIn, version: int | None, visit: Visit) -> Step:
        """Ask policy what is needed next, and do it. version None: nothing is stored yet."""
        judged = self.judge(sign_in)
        match judged.decision.verdict:
            case Issue():
                return self._issue(judged, version, visit)
            case Deny() as deny:
                return self._denied(judged, version, denied_of(deny))
            case Ask(offers=offers) if not _offered(judged):
                return self._asking(judged, version, visit, offers[0])
            case Register(factors=(only,)) if not _drafted(judged, only):
                return self._drafting(judged, version, visit, only)
        if version is None:
            self.records.keep(judged.sign_in)
        return page(judged)

    def _asking(self, judged: Judged, version: int | None, visit: Visit, offer: Offer) -> Step:
        asked = self.judge.factors.provers[offer.factor].start(judged.sign_in, offer)
        return self._noted(judged, replace(judged.sign_in, asked=asked), version, visit)

    def _drafting(self, judged: Judged, version: int | None, visit: Visit, factor: str) -> Step:
        if judged.person is None:
            raise Refused("Please start with your user name and password.")
        draft = self.judge.factors.enrollers[factor].begin(judged.person)
        return self._noted(judged, replace(judged.sign_in, enrolment=draft), version, visit)

    def _noted(self, judged: Judged, noted: SignIn, version: int | None, visit: Visit) -> Step:
        if version is None:
            self.records.keep(noted)
        elif self.records.save(noted, version) is None:
            return self.show(noted.id, visit)
        return page(replace(judged, sign_in=noted))

    # Out --------------------------------------------------------------------------------------
    def _issue(self, judged: Judged, version: int | None, visit: Visit) -> Step:
        if version is not None:
            self.records.claim(judged.sign_in)
        try:
            return finished(judged, self.issue(judged, visit))
        except Denied as denied:
            return self._deny(judged, denied)

    def issue(self, judged: Judged, visit: Visit) -> Issued:
        """Make the grant and answer the partner: the only way to it."""
        return self.issuing(judged, visit)

    def renew(self, grant: Grant) -> Grant:
        """Return the grant as it may be said now. Raises Denied when it may not any more."""
        return self.renewal(grant)

    def _denied(self, judged: Judged, version: int | None, denied: Denied) -> Step:
        if said_by_partner(judged.sign_in.request, denied):
            if version is not None:
                self.records.claim(judged.sign_in)
            return self._deny(judged, denied)
        # The person reads on our own page why, and goes back to the application from there.
        if version is None:
            self.records.keep(judged.sign_in)
            self.attempts.denied(judged, denied)
        return page(judged, denied)

    def _deny(self, judged: Judged, denied: Denied) -> Step:
        self.attempts.denied(judged, denied)
        door = self.issuing.doors[judged.sign_in.request.door]
        return replace(page(judged), reply=door.deny(judged.sign_in.request, denied))


def _offered(judged: Judged) -> bool:
    """Say whether what was asked is still among what policy offers."""
    verdict, asked = judged.decision.verdict, judged.sign_in.asked
    if asked is None or not isinstance(verdict, Ask):
        return False
    return any((o.factor, o.method) == (asked.factor, asked.method) for o in verdict.offers)


def _drafted(judged: Judged, factor: str) -> bool:
    draft = judged.sign_in.enrolment
    return draft is not None and draft.factor == factor
