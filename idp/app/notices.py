"""Build what tells people of changes to how they sign in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from idp.channels import Mail, Texts
from idp.channels.carriers import Carriers
from idp.channels.notices import Notices
from idp.core.ports import Clock
from idp.jobs import Outbox
from idp.keys import Issuers
from idp.store import Store
from idp.store.revisioned import Revisioned

SERVICE = "Countersign"


def as_it_is(text: str, _wishes: str) -> str:
    """Return a text untranslated: nobody's language is known."""
    return text


def build_notices(
    *,
    store: Store,
    clock: Clock,
    issuers: Issuers,
    outbox: Outbox,
    service_name: str = SERVICE,
    translate: Callable[[str, str], str] = as_it_is,
) -> Notices:
    """Build the notices; translate as factors have it (see `factors.tools`)."""
    held = {kind: Revisioned(store, partial(Carriers.takes, kind=kind)) for kind in ("mail", "text")}
    return Notices(
        mail=Mail(outbox, clock),
        texts=Texts(outbox, clock),
        takes=lambda kind: held[kind].get(),
        issuers=issuers,
        service_name=service_name,
        translate=translate,
        clock=clock,
    )
