"""Tables of what happened, and of what is still to be done in the background."""

from __future__ import annotations

import sqlalchemy as sa

from idp.store.columns import Serial, at, json, metadata, only, sealed, text

# personal holds the user name and address of an event: erasable without touching the record.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Serial, primary_key=True, autoincrement=True),
    at("at", index=True),
    text("event"),
    sa.Column("event_id", sa.Integer, nullable=False),
    text("actor"),
    text("person"),
    text("partner"),
    text("factor"),
    text("verdict"),
    text("reason"),
    json("rules"),
    text("correlation"),
    text("reference", server_default=""),
    json("detail"),
    sa.Column("personal", sa.JSON(none_as_null=True)),
    sa.Index("ix_audit_person", "person", "at"),
    sa.Index("ix_audit_partner", "partner", "at"),
    sa.Index("ix_audit_event", "event", "at"),
    sa.Index("ix_audit_correlation", "correlation"),
    # Most events have none of these, and must not pay for an index.
    sa.Index(
        "ix_audit_factor",
        "factor",
        "at",
        **only("factor <> ''"),
    ),
    sa.Index(
        "ix_audit_reason",
        "reason",
        "at",
        **only("reason <> ''"),
    ),
    sa.Index(
        "ix_audit_reference",
        "reference",
        **only("reference <> ''"),
    ),
    # What is still to be erased; what was erased must not be looked at again and again.
    sa.Index(
        "ix_audit_personal",
        "at",
        **only("personal IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)
outbox = sa.Table(
    "outbox",
    metadata,
    text("id", primary_key=True),
    text("kind"),
    text("idempotency_key", unique=True),
    sealed("outbox", nullable=True),
    at("due_at"),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("unsure", sa.Integer, nullable=False, server_default="0"),
    text("lease"),
    at("leased_until", nullable=True),
    at("done_at", nullable=True),
    text("error"),
    # Open ones first: finished ones stay a while and must not slow down the search for work.
    sa.Index("ix_outbox_open", "done_at", "due_at"),
)
# masked is all that stays of a number or address.
deliveries = sa.Table(
    "deliveries",
    metadata,
    text("id", primary_key=True),
    text("secret", unique=True),
    text("kind"),
    text("person", index=True),
    text("masked"),
    text("carrier"),
    text("reference"),
    text("status"),
    text("reason"),
    at("created_at", index=True),
    at("updated_at"),
    at("expires_at", index=True),
)
schedule = sa.Table(
    "schedule",
    metadata,
    text("name", primary_key=True),
    at("next_at"),
    text("lease"),
    at("leased_until", nullable=True),
    at("last_at", nullable=True),
    text("error"),
)
