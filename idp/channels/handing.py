"""Hand messages from the outbox to carriers; runs in the worker only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from idp.audit import AuditLog, Entry, Event
from idp.channels import deliveries
from idp.channels.carriers import Carriers
from idp.channels.outgoing import Outgoing, read
from idp.core.errors import Refused
from idp.core.ports import Carrier, Clock, Handover, Parcel, Taken
from idp.core.result import Result
from idp.jobs import LEASE, TRIES, Message, Outcome, pause
from idp.store import Unit

_ACTOR = "system:worker"
# By kind of message: mail is no part of a sign-in.
_FAILED = {"text": Result.CANNOT_TEXT, "call": Result.CANNOT_CALL}
# One that just failed is asked last for a while: nobody waits for it while another works.
_REST = timedelta(seconds=30)
# The message is ours until the lease ends, and the carrier that is asked last takes its time, too.
_ENOUGH = LEASE / 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """What came of asking carriers: the last one asked, its answer, and why each said no.

    hope: asking again may help. others: there are carriers that were not asked.
    """

    carrier: str = ""
    handover: Handover
    noes: Mapping[str, str] = field(default_factory=dict)
    hope: bool = True
    others: bool = False


class HandingOver:
    """The outbox's handler for one kind of message: asks carriers in order, until one takes it.

    at_most: how often a message may reach somebody when workers die and carriers do not answer.
    receipts returns the address below which carriers report.
    """

    def __init__(
        self,
        kind: str,
        *,
        at_most: int,
        carriers: Carriers,
        audit: AuditLog,
        clock: Clock,
        receipts: Callable[[], str],
    ) -> None:
        self._kind = kind
        self._at_most = at_most
        self._carriers = carriers
        self._audit = audit
        self._clock = clock
        self._receipts = receipts
        self._resting: dict[str, datetime] = {}

    def __call__(self, message: Message) -> Outcome:
        """Try once: each carrier at most once, and none any more after one that may have taken it."""
        outgoing = read(message)
        if self._clock.now() >= outgoing.expires_at:
            return self._over(outgoing, "expired", {})
        if message.unsure >= self._at_most:
            return self._over(outgoing, "perhaps sent", {})
        attempt = self._attempt(outgoing)
        if attempt.handover.taken is Taken.YES:
            return Outcome(note=partial(self._taken, outgoing, attempt))
        return self._not_taken(message, outgoing, attempt)

    def _attempt(self, outgoing: Outgoing) -> _Attempt:
        try:
            carriers = self._order(outgoing)
        except Refused:
            return _Attempt(handover=Handover(taken=Taken.NOT_NOW, reason="secret unreadable"))
        began, noes = self._clock.now(), dict[str, str]()
        hope = not carriers
        last = _Attempt(handover=Handover(taken=Taken.NOT_NOW, reason="no carrier"))
        for place, carrier in enumerate(carriers, start=1):
            if self._clock.now() - began > _ENOUGH:
                return replace(last, hope=True)
            handover = carrier.send(self._parcel(outgoing, carrier))
            if handover.taken is not Taken.YES:
                noes[carrier.name] = handover.reason
                self._rest(carrier, handover)
            hope = hope or handover.taken is not Taken.NEVER
            others = place < len(carriers)
            last = _Attempt(carrier=carrier.name, handover=handover, noes=noes, hope=hope, others=others)
            if handover.taken in {Taken.YES, Taken.PERHAPS}:
                break
        return last

    def _order(self, outgoing: Outgoing) -> Sequence[Carrier]:
        now, wanted = self._clock.now(), outgoing.carrier
        fit = [
            each.carrier
            for each in self._carriers.ready()
            if each.carrier.kind == self._kind
            and (each.set_up.name == wanted if wanted else each.set_up.serves(outgoing.to))
        ]
        return sorted(fit, key=lambda carrier: self._resting.get(carrier.name, now) > now)

    def _rest(self, carrier: Carrier, handover: Handover) -> None:
        _log.warning("%s did not take a %s: %s", carrier.name, self._kind, handover.reason)
        if handover.taken is not Taken.NEVER:
            self._resting[carrier.name] = self._clock.now() + _REST

    def _parcel(self, outgoing: Outgoing, carrier: Carrier) -> Parcel:
        return Parcel(
            to=outgoing.to,
            subject=outgoing.subject,
            text=outgoing.text,
            key=outgoing.delivery,
            receipts=f"{self._receipts()}/{carrier.name}/{outgoing.secret}",
            at=self._clock.now(),
        )

    # What came of it ------------------------------------------------------------------------
    def _not_taken(self, message: Message, outgoing: Outgoing, attempt: _Attempt) -> Outcome:
        reason = attempt.handover.reason
        perhaps = attempt.handover.taken is Taken.PERHAPS
        at_once = perhaps and attempt.others
        wait = timedelta() if at_once else pause(message.tries)
        if not attempt.hope or self._clock.now() + wait >= outgoing.expires_at or message.tries >= TRIES:
            return self._over(outgoing, reason, attempt.noes)
        note = partial(deliveries.held_up, delivery=outgoing.delivery, reason=reason, at=self._clock.now())
        return Outcome(error=reason, again=True, at_once=at_once, unsure=perhaps, note=note)

    def _over(self, outgoing: Outgoing, reason: str, noes: Mapping[str, str]) -> Outcome:
        def note(unit: Unit) -> None:
            deliveries.failed(unit, outgoing.delivery, reason=reason, at=self._clock.now())
            self._record(unit, Event.DELIVERY_FAILED, outgoing, reason=reason, noes=noes)

        return Outcome(error=reason, note=note)

    def _taken(self, outgoing: Outgoing, attempt: _Attempt, unit: Unit) -> None:
        deliveries.handed_over(
            unit,
            outgoing.delivery,
            carrier=attempt.carrier,
            # From outside: PostgreSQL takes no NUL, and no database half a character.
            reference="".join(filter(str.isprintable, attempt.handover.reference)),
            at=self._clock.now(),
        )
        self._record(unit, Event.DELIVERY_ACCEPTED, outgoing, carrier=attempt.carrier, noes=attempt.noes)

    def _record(
        self,
        unit: Unit,
        event: Event,
        outgoing: Outgoing,
        *,
        carrier: str = "",
        reason: str = "",
        noes: Mapping[str, str],
    ) -> None:
        detail = {
            "delivery": outgoing.delivery,
            "kind": self._kind,
            "carrier": carrier,
            "refused": dict(noes),
        }
        failed = event is Event.DELIVERY_FAILED
        entry = Entry(
            event=event,
            person=outgoing.person,
            reason=reason,
            detail=detail,
            actor=_ACTOR,
            result=_FAILED.get(self._kind) if failed else None,
        )
        self._audit.record(unit, entry)
