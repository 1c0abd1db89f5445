"""Gather the facts of a sign-in from the record and the database, and have policy decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa

from idp.core.errors import BadMessage, Reason
from idp.core.model import Method, Offer, Partner, Person, SignIn, SignInRequest
from idp.core.ports import Clock, Enroller, Factor, OutOfBand
from idp.directory.local import LocalSource
from idp.directory.people import People
from idp.methods import Methods
from idp.methods.snoozes import snoozed_by
from idp.partners.registry import Partners
from idp.policy.counting import CLOCKS_APART, shown_within
from idp.policy.decide import decide
from idp.policy.model import Confirm, Decision, Deny, Facts, Issue, Snoozed, Worths
from idp.policy.rules import Rules
from idp.sessions import Consents, Devices, Session
from idp.store import Store

_YOUNG = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A decision, with what was read for it at that moment."""

    sign_in: SignIn
    partner: Partner
    person: Person | None
    session: Session | None
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """The factors in use by name, and what they are worth.

    enrollers are those that people set up in a sign-in, waited those whose answer is waited for.
    """

    provers: Mapping[str, Factor]
    enrollers: Mapping[str, Enroller]
    waited: Mapping[str, OutOfBand]
    worths: Worths


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Reads person, partner, methods and rules anew each time: a verdict is never stored."""

    store: Store
    clock: Clock
    people: People
    methods: Methods
    partners: Partners
    rules: Rules
    factors: Factors
    consents: Consents
    devices: Devices

    def __call__(self, sign_in: SignIn, session: Session | None) -> Judged:
        """Return the decision on a sign-in. Raises BadMessage when its partner is gone.

        session is the browser's live session, read for this very step.
        """
        partner = self.partner(sign_in)
        if sign_in.session and (session is None or session.id != sign_in.session):
            sign_in = without_kept(sign_in)
        with self.store.read() as connection:
            sign_in = self._without_gone(connection, sign_in)
            person = self.people.get(connection, sign_in.person) if sign_in.proofs else None
            decision = self._decide(connection, sign_in, partner, person)
        if sign_in.ended:
            decision = replace(decision, verdict=Deny(reason=Reason(sign_in.ended)))
        return Judged(sign_in=sign_in, partner=partner, person=person, session=session, decision=decision)

    def _decide(
        self, connection: sa.Connection, sign_in: SignIn, partner: Partner, person: Person | None
    ) -> Decision:
        facts = Facts(
            request=sign_in.request,
            partner=partner,
            person=person,
            proofs=sign_in.proofs,
            offers=() if person else self.offers(None, ()),
            enrollable=self._enrollable(person) if sign_in.request.register else (),
            confirmed=sign_in.confirmed,
            address=sign_in.network.address,
            started_at=sign_in.started_at,
            now=self.clock.now(),
            worths=self.factors.worths,
            agreed=self._agreed(connection, sign_in.request, person),
            kept_here=person is not None and person.source == LocalSource.name,
        )
        rules = self.rules.all()
        decision = decide(rules, facts)
        # What could be asked or set up matters, and is read, only while something is missing, and for
        # whoever has shown something just now: not for those who are known and pass through.
        shown = shown_within(facts, decision.counted, CLOCKS_APART)
        asked_now = bool(shown) and not sign_in.request.silent
        passing = isinstance(decision.verdict, (Issue, Confirm)) and not asked_now
        return decision if person is None or passing else decide(rules, self._more(connection, facts, person))

    def _more(self, connection: sa.Connection, facts: Facts, person: Person) -> Facts:
        methods = self.methods.of(connection, person.id)
        snoozed = snoozed_by(connection, person.id)
        return replace(
            facts,
            offers=self.offers(person, methods),
            enrollable=self._enrollable(person),
            registered=tuple(method.factor for method in methods),
            young=frozenset(method.id for method in methods if facts.now - method.created_at < _YOUNG),
            snoozed={rule: Snoozed(times=times, at=at) for rule, (times, at) in snoozed.items()},
        )

    def partner(self, sign_in: SignIn) -> Partner:
        """Return the partner of a sign-in. Raises BadMessage when it is gone or disabled."""
        partner = self.partners.get(sign_in.request.partner)
        if partner is None or not partner.enabled:
            # Nothing is sent to an application that is no longer trusted, not even an error.
            raise BadMessage("This application may not use this sign-in service (any more).")
        return partner

    def offers(self, person: Person | None, methods: tuple[Method, ...]) -> tuple[Offer, ...]:
        """Return what could be asked of a person with these methods, None for nobody known yet."""
        provers = self.factors.provers.values()
        return tuple(offer for factor in provers for offer in factor.offer(person, methods))

    def _agreed(
        self, connection: sa.Connection, request: SignInRequest, person: Person | None
    ) -> frozenset[str]:
        if person is None or not request.consent:
            return frozenset()
        return self.consents.given(connection, person=person.id, partner=request.partner)

    def _without_gone(self, connection: sa.Connection, sign_in: SignIn) -> SignIn:
        """Return the sign-in without what was proved by methods that were removed or ended since.

        Nor does a browser stand in that the person had asked again on.
        """
        left = tuple(
            proof
            for proof in sign_in.proofs
            if (not proof.method or self.methods.there(connection, proof.method))
            and (not proof.remembered or self.devices.stands(connection, proof.remembered))
        )
        return sign_in if len(left) == len(sign_in.proofs) else replace(sign_in, proofs=left)

    def _enrollable(self, person: Person | None) -> tuple[str, ...]:
        # Open only for a person who never registered anything, or who then has to show another method
        # (policy sees to it): else a password thief could add one (first enrolment is closed by
        # compare-and-set).
        if person is None:
            return ()
        enrollers = self.factors.enrollers.items()
        return tuple(name for name, enroller in enrollers if enroller.propose(person))


def without_proofs(sign_in: SignIn) -> SignIn:
    """Return the sign-in as if nobody had signed in on this browser before."""
    blank = replace(sign_in, proofs=(), session="", asked=None, beside=(), enrolment=None, confirmed=())
    return replace(blank, remember=False)


def without_kept(sign_in: SignIn) -> SignIn:
    """Return the sign-in with only what was proved in it: the session it began with has ended.

    Signing out in another tab must not be undone by finishing this one.
    """
    own = tuple(proof for proof in sign_in.proofs if proof.at >= sign_in.started_at)
    left = sign_in if own else replace(sign_in, asked=None, beside=())  # asked of somebody
    return replace(left, proofs=own, session="", enrolment=None, confirmed=())
