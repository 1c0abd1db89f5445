"""The hallway: begin, prove, advance, issue, renew. Steps never call steps.

Every step changes the record by compare-and-set and comes back to `_advance`, which does what
policy says is needed next. Nothing remembers which step comes after which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from idp.core.errors import Denied, Reason, Refused
from idp.core.ids import fingerprint, new_id, new_secret
from idp.core.model import Asked, Enrolment, Grant, Kind, Offer, Person, Proof, SignIn, SignInRequest, Visit
from idp.core.ports import NewMethod, Pending
from idp.policy.model import Ask, Confirm, Deny, FactorWorth, Issue, Register
from idp.sessions import Session
from idp.signin.answering import answered, draft_of, factors_offered, still_offered, usable
from idp.signin.attempts import Attempt, Attempts, TooMany
from idp.signin.issue import Issued, Issuing, merge
from idp.signin.judge import Judge, Judged, without_proofs
from idp.signin.record import Expired, SignIns
from idp.signin.renewal import Renewal
from idp.signin.results import too_old_by
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
        session = self._session(visit)
        kept = session if usable(session, request) else None
        browser, now = visit.browser or new_secret(), self.judge.clock.now()
        sign_in = SignIn(
            id=new_id(),
            request=request,
            browser=fingerprint(browser),
            network=visit.network,
            started_at=now,
            expires_at=now + self.records.lifetime,
            proofs=self._with_vouched(visit, kept.person, kept.proofs) if kept else (),
            session=kept.id if kept else "",
            correlation=visit.correlation,
        )
        judged = self.judge(sign_in, session)
        step = self._advance(judged, None, visit)
        if by := too_old_by(judged, self.judge.rules.all()):
            self.attempts.asked_again(judged, by)
        return step if visit.browser else replace(step, browser=browser)

    def again(self, expired: SignIn, visit: Visit) -> Step:
        """Start an expired sign-in's request afresh, with nothing proved."""
        fresh = self.records.again(expired)
        return self._advance(self.judge(fresh, self._session(visit)), None, visit)

    # Along the way ----------------------------------------------------------------------------
    def show(self, sign_in_id: str, visit: Visit) -> Step:
        """Return where the sign-in is; changes nothing that is still right."""
        return self._advance(*self._look(sign_in_id, visit), visit)

    def waiting(self, sign_in_id: str, visit: Visit) -> Pending:
        """Say how it stands with what is waited for elsewhere than on the page; changes nothing.

        It is asked again and again, so it reads no more than it must: nothing is judged by it.
        """
        sign_in, _ = self.records.load(sign_in_id, visit)
        current = sign_in.enrolment or sign_in.asked
        factor = self.judge.factors.waited.get(current.factor) if current else None
        return factor.outcome(sign_in) if factor else Pending.OVER

    def prove(self, sign_in_id: str, visit: Visit, answer: Mapping[str, str]) -> Step:
        """Check the answer to what was asked and go on. Raises Refused to try again.

        A factor that was not just asked for proves nothing: the current page comes back.
        """
        judged, version = self._look(sign_in_id, visit)
        asked = answered(judged, answer)
        if asked is None:
            return self._advance(judged, version, visit)
        sign_in = replace(judged.sign_in, asked=asked)
        factor, worth = self.judge.factors.provers[asked.factor], self._worth(asked.factor)
        # Elsewhere it is known whose answer it is, or nobody's, whatever name comes along.
        by_name = factor.name == "password" or not (sign_in.person or worth.first)
        attempt = Attempt(
            sign_in=sign_in,
            visit=visit,
            factor=factor.name,
            worth=worth,
            target=factor.target(sign_in, answer),
            typed=answer.get("username", "") if by_name else "",
            offered=factors_offered(judged),
        )
        try:
            proof = self.attempts.check(attempt, lambda: factor.prove(sign_in, answer))
        except TooMany:
            return self._ended(judged, version, visit)
        wishes = replace(
            judged.sign_in,
            stay=sign_in.stay or answer.get("stay") == "1",
            remember=sign_in.remember or answer.get("remember") == "1",
        )
        return self._proved(replace(judged, sign_in=wishes), version, visit, proof)

    def choose(self, sign_in_id: str, visit: Visit, factor: str, method: str) -> Step:
        """Ask another way, out of those that policy offers now. Raises Refused."""
        judged, version = self._look(sign_in_id, visit)
        match judged.decision.verdict:
            case Ask(offers=offers):
                for offer in offers:
                    if (offer.factor, offer.method) == (factor, method):
                        self._withdraw(judged, unless=factor)
                        return self._asking(judged, version, visit, offer)
            case Register(factors=factors) if factor in factors:
                self._withdraw(judged, unless=factor)
                return self._drafting(judged, version, visit, factor)
        return self._advance(judged, version, visit)

    def enrol(self, sign_in_id: str, visit: Visit, answer: Mapping[str, str]) -> Step:
        """Go on with the method being set up; once confirmed, store it and count its proof.

        Raises Refused.
        """
        judged, version = self._look(sign_in_id, visit)
        draft, person = draft_of(judged, answer.get("factor", "")), judged.person
        if draft is None or person is None:
            return self._advance(judged, version, visit)
        sign_in, enroller = judged.sign_in, self.judge.factors.enrollers[draft.factor]
        worth = self._worth(draft.factor)
        attempt = Attempt(
            sign_in=sign_in, visit=visit, factor=draft.factor, worth=worth, target="enrol:" + person.id
        )
        try:
            confirm = partial(enroller.confirm, sign_in, person, draft, answer)
            # What is only shown and saved is no attempt at anything, and proves nothing.
            shown = worth.stand_in
            result = confirm() if shown else self.attempts.check(attempt, confirm)
        except TooMany:
            return self._ended(judged, version, visit)
        if isinstance(result, Enrolment):
            return self._noted(judged, replace(sign_in, enrolment=result), version, visit)
        # The draft is used up first: sent twice at once, it must not become two methods.
        saved = self.records.save(replace(sign_in, enrolment=None), version)
        if saved is None:
            return self.show(sign_in_id, visit)
        proof, version = self._registered(attempt, result, person), saved
        done = replace(sign_in, enrolment=None, confirmed=(*sign_in.confirmed, "registered"))
        if shown:
            return self._saved(judged, done, version, visit)
        return self._proved(replace(judged, sign_in=done), version, visit, proof)

    def confirm(self, sign_in_id: str, visit: Visit, what: str, answer: str) -> Step:
        """Take the person's answer to a question that was asked: "yes", or "other" (account)."""
        judged, version = self._look(sign_in_id, visit)
        sign_in, verdict = judged.sign_in, judged.decision.verdict
        if not isinstance(verdict, Confirm) or verdict.what != what:
            return self._advance(judged, version, visit)
        if what == "account" and answer == "other":
            sign_in = without_proofs(sign_in)
        elif answer != "yes":
            return self.give_up(sign_in_id, visit)
        elif what == "methods" and judged.person is not None:
            self.attempts.methods_right(judged, judged.person)
        confirmed = replace(sign_in, confirmed=(*sign_in.confirmed, what))
        return self._saved(judged, confirmed, version, visit)

    def later(self, sign_in_id: str, visit: Visit) -> Step:
        """Go on without setting up what may be put off."""
        judged, version = self._look(sign_in_id, visit)
        sign_in, verdict = judged.sign_in, judged.decision.verdict
        if not isinstance(verdict, Register) or not verdict.optional or judged.person is None:
            return self._advance(judged, version, visit)
        self._withdraw(judged)
        without = replace(sign_in, enrolment=None, confirmed=(*sign_in.confirmed, "later"))
        saved = self.records.save(without, version)
        if saved is None:
            return self.show(sign_in_id, visit)
        if verdict.rule:
            self.attempts.put_off(judged, judged.person, verdict.rule)
        return self._advance(self.judge(without, judged.session), saved, visit)

    def give_up(self, sign_in_id: str, visit: Visit) -> Step:
        """End a sign-in at the person's wish, and tell the partner no."""
        judged, _ = self._look(sign_in_id, visit)
        self.records.claim(judged.sign_in)
        self._withdraw(judged)
        verdict = judged.decision.verdict
        deny = verdict if isinstance(verdict, Deny) else Deny(reason=Reason.CANCELLED)
        return self._deny(judged, denied_of(deny, judged.sign_in))

    # Onward -----------------------------------------------------------------------------------
    def _session(self, visit: Visit) -> Session | None:
        with self.judge.store.read() as connection:
            return self.issuing.sessions.live(connection, visit.session, self.judge.clock.now())

    def _with_vouched(self, visit: Visit, person: str, proofs: tuple[Proof, ...]) -> tuple[Proof, ...]:
        """Return proofs with those that this browser stands in for, where nothing was shown that one has."""
        if any(Kind.HAVE in proof.kinds for proof in proofs):
            return proofs
        now = self.judge.clock.now()
        with self.judge.store.read() as connection:
            vouched = self.judge.devices.vouched(connection, secret=visit.device, person=person, now=now)
        return (*vouched, *proofs)

    def _worth(self, factor: str) -> FactorWorth:
        return self.judge.factors.worths[factor]

    def _look(self, sign_in_id: str, visit: Visit) -> tuple[Judged, int]:
        try:
            sign_in, version = self.records.load(sign_in_id, visit)
        except Expired as expired:
            self.attempts.expired(expired.sign_in)
            raise
        return self.judge(sign_in, self._session(visit)), version

    def _registered(self, attempt: Attempt, new: NewMethod, person: Person) -> Proof:
        """Store a new method; one beyond the first was wished or asked for, and policy saw another shown.

        Recovery codes are due once, unless they were wished for.
        """
        wished = attempt.sign_in.request.register == new.factor or new.factor != "recovery"
        wished = wished and not person.may_enrol
        with self.judge.store.write() as unit:
            method = self.judge.methods.add(unit, person.id, new, allowed=wished)
            # The person is held now: whoever ended everything meanwhile must not find this afterwards.
            current = self.judge.people.get(unit.connection, person.id)
            kept = (person.enabled, person.proofs_from, person.blocked_until)
            if current is None or (current.enabled, current.proofs_from, current.blocked_until) != kept:
                raise Refused("You were signed out meanwhile. Please sign in again.")
            self.attempts.registered(unit, attempt, person, method)
        return replace(new.proof, method=method.id)

    def _withdraw(self, judged: Judged, *, unless: str = "") -> None:
        """Have nobody asked on a phone any more for what goes another way now."""
        current = judged.sign_in.enrolment or judged.sign_in.asked
        waited = current is not None and current.factor in self.judge.factors.waited
        if current is not None and waited and current.factor != unless and judged.person is not None:
            self.attempts.withdraw(judged.sign_in, judged.person.id)

    def _proved(self, judged: Judged, version: int, visit: Visit, proof: Proof) -> Step:
        proofs = self._with_vouched(visit, proof.person, merge(judged.sign_in.proofs, (proof,)))
        proved = replace(judged.sign_in, proofs=proofs, asked=None, beside=(), enrolment=None)
        worth = self._worth(proof.factor)
        if worth.first and proof.kinds == worth.kinds and "account" not in proved.confirmed:
            # Whoever has just said who they are has chosen the account.
            proved = replace(proved, confirmed=(*proved.confirmed, "account"))
        return self._saved(judged, proved, version, visit)

    def _ended(self, judged: Judged, version: int, visit: Visit) -> Step:
        ended = replace(judged.sign_in, ended=Reason.TOO_MANY_ATTEMPTS.value)
        return self._saved(judged, ended, version, visit)

    def _saved(self, judged: Judged, sign_in: SignIn, version: int, visit: Visit) -> Step:
        saved = self.records.save(sign_in, version)
        if saved is None:
            # Another answer was faster: show where the sign-in is now.
            return self.show(sign_in.id, visit)
        return self._advance(self.judge(sign_in, judged.session), saved, visit)

    def _advance(self, judged: Judged, version: int | None, visit: Visit) -> Step:
        """Do what policy says is needed next. version None: nothing is stored yet."""
        match judged.decision.verdict:
            case Issue():
                return self._issue(judged, version, visit)
            case Deny() as deny:
                denied = denied_of(deny, judged.sign_in)
                return self._denied(judged, version, visit, denied)
            case Ask(offers=offers) if not still_offered(judged, judged.sign_in.asked):
                return self._asking_best(judged, version, visit, offers)
            case Register(factors=factors, optional=False) if not any(
                draft_of(judged, one) for one in factors
            ):
                # The safest is proposed first; the page offers the others. What may be put off is asked for.
                return self._drafting(judged, version, visit, factors[0])
        if version is None:
            self.records.keep(judged.sign_in)
        return page(judged)

    def _asking_best(
        self, judged: Judged, version: int | None, visit: Visit, offers: Sequence[Offer]
    ) -> Step:
        """Ask for the first that can be asked for now; if none can, the person reads why and picks."""
        problem, waited = "", self.judge.factors.waited
        # Nobody's phone rings because some page opened this sign-in: a click, or a password, comes first.
        begun = any(proof.at >= judged.sign_in.started_at for proof in judged.sign_in.proofs)
        for offer in offers:
            if offer.factor in waited and not begun:
                continue
            try:
                return self._asking(judged, version, visit, offer)
            except Refused as refused:
                problem = problem or refused.public
        step = self._noted(judged, replace(judged.sign_in, asked=None), version, visit)
        return replace(step, problem=problem)

    def _asking(self, judged: Judged, version: int | None, visit: Visit, offer: Offer) -> Step:
        verdict = judged.decision.verdict
        others = verdict.offers if isinstance(verdict, Ask) else ()
        asked, beside = self._started(judged, offer), []
        for other in others:
            if other.beside and other != offer:
                with suppress(Refused):  # what can't be asked beside it just is not
                    beside.append(self._started(judged, other))
        asking = replace(judged.sign_in, asked=asked, beside=tuple(beside), enrolment=None)
        return self._noted(judged, asking, version, visit)

    def _started(self, judged: Judged, offer: Offer) -> Asked:
        opening = replace(offer, opening=not judged.decision.opened)
        return self.judge.factors.provers[offer.factor].start(judged.sign_in, opening)

    def _drafting(self, judged: Judged, version: int | None, visit: Visit, factor: str) -> Step:
        if judged.person is None:
            raise Refused("Please start with your user name and password.")
        draft = self.judge.factors.enrollers[factor].begin(judged.sign_in, judged.person)
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
        """Return the grant as it may be said now.

        Raises Denied when it may not any more, BadMessage when its partner is gone or disabled.
        """
        return self.renewal(grant)

    def _denied(self, judged: Judged, version: int | None, visit: Visit, denied: Denied) -> Step:
        if said_by_partner(judged.sign_in.request, denied):
            if version is not None:
                self.records.claim(judged.sign_in)
            return self._deny(judged, denied)
        # The person reads on our own page why, and goes back to the application from there.
        if judged.sign_in.denied:
            return page(judged, denied)
        noted = replace(judged.sign_in, denied=denied.reference)
        # First what may refuse to begin at all: a flood writes no record.
        step = self._noted(judged, noted, version, visit)
        if step.denied is not None:
            return step
        self.attempts.denied(judged, denied)
        return replace(step, denied=denied)

    def _deny(self, judged: Judged, denied: Denied) -> Step:
        if not judged.sign_in.denied:
            self.attempts.denied(judged, denied)
        door = self.issuing.doors[judged.sign_in.request.door]
        return replace(page(judged), reply=door.deny(judged.sign_in.request, denied))
