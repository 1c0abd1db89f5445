"""The tables, as SQLAlchemy Core knows them; the same on SQLite and PostgreSQL."""

from idp.store.columns import metadata
from idp.store.schema.accounts import (
    attempts,
    bans,
    login_names,
    method_codes,
    methods,
    passwords,
    people,
    sent_codes,
    snoozes,
)
from idp.store.schema.configuration import (
    carriers,
    changes,
    issuers,
    keys,
    partners,
    rules,
    settings,
    sources,
)
from idp.store.schema.elsewhere import asked_elsewhere, push_drafts, push_subscriptions
from idp.store.schema.records import audit, deliveries, outbox, schedule
from idp.store.schema.sign_ins import (
    consents,
    devices,
    families,
    grants,
    participants,
    sessions,
    spent,
    subjects,
    tokens,
)

__all__ = [
    "asked_elsewhere",
    "attempts",
    "audit",
    "bans",
    "carriers",
    "changes",
    "consents",
    "deliveries",
    "devices",
    "families",
    "grants",
    "issuers",
    "keys",
    "login_names",
    "metadata",
    "method_codes",
    "methods",
    "outbox",
    "participants",
    "partners",
    "passwords",
    "people",
    "push_drafts",
    "push_subscriptions",
    "rules",
    "schedule",
    "sent_codes",
    "sessions",
    "settings",
    "snoozes",
    "sources",
    "spent",
    "subjects",
    "tokens",
]
