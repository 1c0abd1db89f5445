"""The tables, as SQLAlchemy Core knows them; the same on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

from idp.store.columns import Instant as Instant  # noqa: PLC0414 (rooms import it with their tables)
from idp.store.columns import Serial as _Serial
from idp.store.columns import at as _at
from idp.store.columns import flag as _flag
from idp.store.columns import json as _json
from idp.store.columns import only as _only
from idp.store.columns import sealed as _sealed
from idp.store.columns import text as _text

metadata = sa.MetaData()

# Configuration ------------------------------------------------------------------------------
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("revision", _Serial, primary_key=True, autoincrement=True),
    _at("at"),
    _text("actor"),
    _text("noun"),
    _text("key"),
    sa.Column("before", sa.JSON(none_as_null=True)),
    sa.Column("after", sa.JSON(none_as_null=True)),
    sa.Index("ix_changes_noun_key", "noun", "key"),
    sqlite_autoincrement=True,
)
settings = sa.Table("settings", metadata, _text("key", primary_key=True), _json("value"))
issuers = sa.Table(
    "issuers",
    metadata,
    _text("id", primary_key=True),
    _text("base_url"),
    _text("entity_id", unique=True),
    _text("key_set"),
)
keys = sa.Table(
    "keys",
    metadata,
    _text("kid", primary_key=True),
    _text("key_set"),
    _text("purpose"),
    _text("alg"),
    _text("state"),
    _text("certificate"),
    _sealed("signing key"),
    _at("created_at"),
    _at("retired_at", nullable=True),
    # One key signs and one waits, whatever races.
    sa.Index(
        "uq_keys_turn",
        "key_set",
        "purpose",
        "alg",
        "state",
        unique=True,
        **_only("state <> 'retired'"),
    ),
)
partners = sa.Table(
    "partners",
    metadata,
    _text("id", primary_key=True),
    _text("door"),
    _text("identifier"),
    _text("name"),
    _text("issuer"),
    _flag("enabled"),
    _json("release"),
    _json("access"),
    _json("settings"),
    _text("notes"),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("door", "identifier", name="uq_partners_identifier"),
)
# Where a partner's metadata comes from, and what came of looking there last. held is the metadata
# that waits for approval.
sources = sa.Table(
    "sources",
    metadata,
    _text("id", primary_key=True),
    _text("partner", index=True),
    _text("kind"),
    _text("place"),
    _text("signer"),
    _text("mode"),
    _text("etag"),
    _text("modified"),
    _text("digest"),
    _at("checked_at", nullable=True),
    _at("due_at", index=True),
    sa.Column("pace", sa.Integer, nullable=False),
    _at("valid_until", nullable=True),
    _text("error"),
    sa.Column("held", sa.LargeBinary),
    _at("held_at", nullable=True),
)
rules = sa.Table(
    "rules",
    metadata,
    _text("id", primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    _json("document"),
)

carriers = sa.Table(
    "carriers",
    metadata,
    _text("name", primary_key=True),
    _text("type"),
    sa.Column("position", sa.Integer, nullable=False),
    _json("prefixes"),
    _json("settings"),
    _sealed("carrier"),
)

# People and methods -------------------------------------------------------------------------
people = sa.Table(
    "people",
    metadata,
    _text("id", primary_key=True),
    _text("source"),
    _text("source_key"),
    _text("name"),
    _text("display_name"),
    _json("attributes"),
    _json("groups"),
    _json("roles"),
    _flag("enabled"),
    _flag("may_enrol"),
    # True from the first method that a person set up until the recovery codes were saved.
    sa.Column("recovery_due", sa.Boolean, nullable=False, server_default=sa.false()),
    # What was proved before counts no more: the password was changed.
    _at("proofs_from", nullable=True),
    _at("created_at"),
    sa.UniqueConstraint("source", "source_key", name="uq_people_source"),
)
login_names = sa.Table(
    "login_names",
    metadata,
    _text("folded", primary_key=True),
    _text("person", index=True),
)
passwords = sa.Table(
    "passwords",
    metadata,
    _text("person", primary_key=True),
    _text("hash"),
    _at("changed_at"),
)
methods = sa.Table(
    "methods",
    metadata,
    _text("id", primary_key=True),
    _text("person", index=True),
    _text("factor"),
    _text("label"),
    _sealed("method"),
    sa.Column("counter", sa.BigInteger, nullable=False),
    _json("data"),
    _at("created_at"),
    _at("last_used_at", nullable=True),
    _at("ends_at", nullable=True),
)
# Codes made by us, of which each is worth something once; used ones stay until the method goes.
method_codes = sa.Table(
    "method_codes",
    metadata,
    _text("method", primary_key=True),
    _text("hash", primary_key=True),
    _at("used_at", nullable=True),
)
# Codes that were texted: spent are the counters that a right answer gives back.
sent_codes = sa.Table(
    "sent_codes",
    metadata,
    _text("place", primary_key=True),
    _sealed("sent-code"),
    sa.Column("sends", sa.Integer, nullable=False),
    _at("sent_at", nullable=True),
    _json("spent"),
    _at("expires_at", index=True),
)
attempts = sa.Table(
    "attempts",
    metadata,
    _text("key", primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    _at("window_ends_at", index=True),
)
bans = sa.Table(
    "bans",
    metadata,
    _text("network", primary_key=True),
    _text("reason"),
    _at("created_at"),
    _at("until", nullable=True, index=True),
)

# Sessions -----------------------------------------------------------------------------------
sessions = sa.Table(
    "sessions",
    metadata,
    _text("id", primary_key=True),
    _text("secret", unique=True),
    _text("person", index=True),
    _json("proofs"),
    _flag("persistent"),
    _at("created_at"),
    _at("expires_at", index=True),
    _at("ended_at", nullable=True),
    _text("browser", server_default=""),
    # One browser has one session, whatever races: another would go on with nobody to end it.
    sa.Index(
        "uq_sessions_browser",
        "browser",
        unique=True,
        **_only("ended_at IS NULL AND browser <> ''"),
    ),
)
participants = sa.Table(
    "participants",
    metadata,
    _text("id", primary_key=True),
    _text("session"),
    _text("person"),
    _text("partner", index=True),
    _text("door"),
    _text("issuer"),
    _json("subject"),
    # What the subject is called, to be found by: an application may end all of a person's sessions.
    _text("named", server_default=""),
    _at("created_at"),
    _at("ended_at", nullable=True),
    # How often it was answered since then: an application that sends people back at once loops.
    sa.Column("answers", sa.Integer, nullable=False, server_default="1"),
    _at("answers_since", server_default="0"),
    sa.UniqueConstraint("session", "partner", name="uq_participants_session"),
    sa.Index("ix_participants_named", "partner", "named"),
)
grants = sa.Table(
    "grants",
    metadata,
    _text("id", primary_key=True),
    _text("handle", unique=True),
    _text("session", index=True),
    _text("person", index=True),
    _text("partner", index=True),
    sa.Column("document", sa.Text, nullable=False),
    _at("created_at"),
    _at("handle_ends_at"),
    _at("expires_at", index=True),
    _at("redeemed_at", nullable=True),
    _at("revoked_at", nullable=True),
    # Whether it outlives the session that it was made in.
    _flag("offline"),
)
# Access tokens. grant "" is a machine's own token; audience "" is one for ourselves (userinfo).
tokens = sa.Table(
    "tokens",
    metadata,
    _text("secret", primary_key=True),
    _text("grant", index=True),
    _text("kind"),
    _text("partner"),
    _text("scope"),
    _text("audience"),
    _at("issued_at"),
    _at("expires_at", index=True),
)
# Refresh tokens: one row a family, however often it is turned.
families = sa.Table(
    "families",
    metadata,
    _text("family", primary_key=True),
    _text("grant", unique=True),
    _text("current"),
    _text("previous"),
    _text("salt"),
    _at("turned_at"),
    _at("expires_at", index=True),
    _at("ends_at"),
)
# What counts once, by its hash, for as long as somebody could send it again.
spent = sa.Table("spent", metadata, _text("key", primary_key=True), _at("expires_at", index=True))
devices = sa.Table(
    "devices",
    metadata,
    _text("id", primary_key=True),
    _text("secret", unique=True),
    _text("person", index=True),
    _text("label"),
    _at("created_at"),
    _at("last_seen_at"),
    _at("expires_at", index=True),
)
subjects = sa.Table(
    "subjects",
    metadata,
    _text("person", primary_key=True),
    _text("qualifier", primary_key=True),
    _text("value"),
    _at("created_at"),
    sa.UniqueConstraint("qualifier", "value", name="uq_subjects_value"),
)

consents = sa.Table(
    "consents",
    metadata,
    _text("person", primary_key=True),
    _text("partner", primary_key=True),
    _text("scope", primary_key=True),
    _at("given_at"),
    sa.Index("ix_consents_partner", "partner"),
)

# Record and background ----------------------------------------------------------------------
# personal holds the user name and address of an event: erasable without touching the record.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    _at("at", index=True),
    _text("event"),
    sa.Column("event_id", sa.Integer, nullable=False),
    _text("actor"),
    _text("person"),
    _text("partner"),
    _text("factor"),
    _text("verdict"),
    _text("reason"),
    _json("rules"),
    _text("correlation"),
    _text("reference", server_default=""),
    _json("detail"),
    sa.Column("personal", sa.JSON(none_as_null=True)),
    sa.Index("ix_audit_person", "person", "id"),
    sa.Index("ix_audit_partner", "partner", "id"),
    # Most events have none, and must not pay for an index.
    sa.Index(
        "ix_audit_reference",
        "reference",
        **_only("reference <> ''"),
    ),
    # What is still to be erased; what was erased must not be looked at again and again.
    sa.Index(
        "ix_audit_personal",
        "at",
        **_only("personal IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)
outbox = sa.Table(
    "outbox",
    metadata,
    _text("id", primary_key=True),
    _text("kind"),
    _text("idempotency_key", unique=True),
    _sealed("outbox", nullable=True),
    _at("due_at"),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("unsure", sa.Integer, nullable=False),
    _text("lease"),
    _at("leased_until", nullable=True),
    _at("done_at", nullable=True),
    _text("error"),
    # Open ones first: finished ones stay a while and must not slow down the search for work.
    sa.Index("ix_outbox_open", "done_at", "due_at"),
)
# masked is all that stays of a number or address.
deliveries = sa.Table(
    "deliveries",
    metadata,
    _text("id", primary_key=True),
    _text("secret", unique=True),
    _text("kind"),
    _text("person", index=True),
    _text("masked"),
    _text("carrier"),
    _text("reference"),
    _text("status"),
    _text("reason"),
    _at("created_at", index=True),
    _at("updated_at"),
    _at("expires_at", index=True),
)
schedule = sa.Table(
    "schedule",
    metadata,
    _text("name", primary_key=True),
    _at("next_at"),
    _text("lease"),
    _at("leased_until", nullable=True),
    _at("last_at", nullable=True),
    _text("error"),
)
