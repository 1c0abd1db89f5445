"""Tables of who is signed in where, and what applications were handed for it."""

from __future__ import annotations

import sqlalchemy as sa

from idp.store.columns import at, flag, json, metadata, only, text

sessions = sa.Table(
    "sessions",
    metadata,
    text("id", primary_key=True),
    text("secret", unique=True),
    text("person", index=True),
    json("proofs"),
    flag("persistent"),
    at("created_at"),
    at("expires_at", index=True),
    at("ended_at", nullable=True),
    text("browser", server_default=""),
    # What the person tells it by: from where it was opened, by which browser, on what.
    text("address", server_default=""),
    text("software", server_default=""),
    text("system", server_default=""),
    # One browser has one session, whatever races: another would go on with nobody to end it.
    sa.Index(
        "uq_sessions_browser",
        "browser",
        unique=True,
        **only("ended_at IS NULL AND browser <> ''"),
    ),
)
participants = sa.Table(
    "participants",
    metadata,
    text("id", primary_key=True),
    text("session"),
    text("person"),
    text("partner", index=True),
    text("door"),
    text("issuer"),
    json("subject"),
    # What the subject is called, to be found by: an application may end all of a person's sessions.
    text("named", server_default=""),
    at("created_at"),
    at("ended_at", nullable=True),
    # How often it was answered since then: an application that sends people back at once loops.
    sa.Column("answers", sa.Integer, nullable=False, server_default="1"),
    at("answers_since", server_default="0"),
    sa.UniqueConstraint("session", "partner", name="uq_participants_session"),
    sa.Index("ix_participants_named", "partner", "named"),
)
grants = sa.Table(
    "grants",
    metadata,
    text("id", primary_key=True),
    text("handle", unique=True),
    text("session", index=True),
    text("person", index=True),
    text("partner", index=True),
    sa.Column("document", sa.Text, nullable=False),
    at("created_at"),
    at("handle_ends_at"),
    at("expires_at", index=True),
    at("redeemed_at", nullable=True),
    at("revoked_at", nullable=True),
    # Whether it outlives the session that it was made in.
    flag("offline", server_default=sa.false()),
)
# Access tokens. grant "" is a machine's own token; audience "" is one for ourselves (userinfo).
tokens = sa.Table(
    "tokens",
    metadata,
    text("secret", primary_key=True),
    text("grant", index=True),
    text("kind"),
    text("partner", server_default=""),
    text("scope", server_default=""),
    text("audience", server_default=""),
    at("issued_at", server_default="0"),
    at("expires_at", index=True),
)
# Refresh tokens: one row a family, however often it is turned.
families = sa.Table(
    "families",
    metadata,
    text("family", primary_key=True),
    text("grant", unique=True),
    text("current"),
    text("previous"),
    text("salt"),
    at("turned_at"),
    at("expires_at", index=True),
    at("ends_at"),
)
# What counts once, by its hash, for as long as somebody could send it again.
spent = sa.Table("spent", metadata, text("key", primary_key=True), at("expires_at", index=True))
devices = sa.Table(
    "devices",
    metadata,
    text("id", primary_key=True),
    text("secret", unique=True),
    text("person", index=True),
    text("label"),
    at("created_at"),
    at("last_seen_at"),
    at("expires_at", index=True),
    # What was shown on this browser, and is not asked for on it for a while (codec.plain of Proofs).
    json("remembered", server_default="[]"),
)
subjects = sa.Table(
    "subjects",
    metadata,
    text("person", primary_key=True),
    text("qualifier", primary_key=True),
    text("value"),
    at("created_at"),
    sa.UniqueConstraint("qualifier", "value", name="uq_subjects_value"),
)

consents = sa.Table(
    "consents",
    metadata,
    text("person", primary_key=True),
    text("partner", primary_key=True),
    text("scope", primary_key=True),
    at("given_at"),
    sa.Index("ix_consents_partner", "partner"),
)
