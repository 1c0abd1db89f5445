"""Build the way that texts and mail go: into the outbox, to carriers, and back as reports."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from idp.app.ground import Ground
from idp.channels import Mail, Texts, calls, mail, texts
from idp.channels.carriers import Carriers
from idp.channels.handing import HandingOver
from idp.channels.pages import PATH, ReceiptPages
from idp.jobs import TRIES, Handler

# What arrives a third time is a nuisance as a text; mail with a Message-ID that was seen is often dropped.
_AT_MOST = {texts.KIND: 2, mail.KIND: TRIES, calls.KIND: 1}
_PLACES = {calls.KIND: calls.PATH}  # where carriers come back to, else PATH


def texts_of(ground: Ground) -> Texts:
    """Return what rooms send texts by."""
    return Texts(ground.outbox, ground.clock)


def mail_of(ground: Ground) -> Mail:
    """Return what rooms send mail by."""
    return Mail(ground.outbox, ground.clock)


def handlers(ground: Ground) -> Mapping[str, Handler]:
    """Return the worker's handlers for texts, mail and calls."""
    carriers = Carriers(ground.store, ground.sealer)
    return {
        kind: HandingOver(
            kind,
            at_most=at_most,
            carriers=carriers,
            audit=ground.audit,
            clock=ground.clock,
            receipts=partial(_place, ground, kind),
        )
        for kind, at_most in _AT_MOST.items()
    }


def _place(ground: Ground, kind: str) -> str:
    return ground.issuers.default().base_url + _PLACES.get(kind, PATH)


def pages(ground: Ground) -> ReceiptPages:
    """Return the addresses that carriers report to."""
    return ReceiptPages(
        store=ground.store,
        clock=ground.clock,
        audit=ground.audit,
        issuers=ground.issuers,
        carriers=Carriers(ground.store, ground.sealer),
    )
