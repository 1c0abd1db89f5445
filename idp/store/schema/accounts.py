"""Tables of people, the methods they registered, and what is counted against guessing."""

from __future__ import annotations

import sqlalchemy as sa

from idp.store.columns import at, flag, json, metadata, only, sealed, text

people = sa.Table(
    "people",
    metadata,
    text("id", primary_key=True),
    text("source"),
    text("source_key"),
    text("name"),
    text("display_name"),
    json("attributes"),
    json("groups"),
    json("roles"),
    flag("enabled"),
    flag("may_enrol"),
    # True from the first method that a person set up until the recovery codes were saved.
    flag("recovery_due", server_default=sa.false()),
    # What was proved before counts no more: the password was changed.
    at("proofs_from", nullable=True),
    # Everything is denied until then; the reason is for those who may lift it.
    at("blocked_until", nullable=True),
    text("block_reason", server_default=""),
    # The method to be asked for first; one that is gone is none.
    text("preferred", server_default=""),
    # When the person last set up a method, or said that they are all still right.
    at("methods_seen_at", nullable=True),
    at("created_at"),
    sa.UniqueConstraint("source", "source_key", name="uq_people_source"),
    sa.Index("ix_people_blocked_until", "blocked_until", **only("blocked_until IS NOT NULL")),
)
# How often a person put off what a rule's campaign asks for, and when last.
snoozes = sa.Table(
    "snoozes",
    metadata,
    text("person", primary_key=True),
    text("rule", primary_key=True),
    sa.Column("times", sa.Integer, nullable=False),
    at("snoozed_at"),
)
login_names = sa.Table(
    "login_names",
    metadata,
    text("folded", primary_key=True),
    text("person", index=True),
)
passwords = sa.Table(
    "passwords",
    metadata,
    text("person", primary_key=True),
    text("hash"),
    at("changed_at"),
)
methods = sa.Table(
    "methods",
    metadata,
    text("id", primary_key=True),
    text("person", index=True),
    text("factor"),
    text("label"),
    sealed("method"),
    sa.Column("counter", sa.BigInteger, nullable=False),
    json("data"),
    at("created_at"),
    at("last_used_at", nullable=True),
    at("ends_at", nullable=True),
    # Few end by themselves: the clean-up looks at these only.
    sa.Index(
        "ix_methods_ends_at",
        "ends_at",
        **only("ends_at IS NOT NULL"),
    ),
)
# Codes made by us, of which each is worth something once; used ones stay until the method goes.
method_codes = sa.Table(
    "method_codes",
    metadata,
    text("method", primary_key=True),
    text("hash", primary_key=True),
    at("used_at", nullable=True),
)
# Codes that were texted: spent are the counters that a right answer gives back.
sent_codes = sa.Table(
    "sent_codes",
    metadata,
    text("place", primary_key=True),
    sealed("sent-code"),
    sa.Column("sends", sa.Integer, nullable=False),
    at("sent_at", nullable=True),
    json("spent"),
    at("expires_at", index=True),
)
attempts = sa.Table(
    "attempts",
    metadata,
    text("key", primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    at("window_ends_at", index=True),
)
bans = sa.Table(
    "bans",
    metadata,
    text("network", primary_key=True),
    text("reason"),
    at("created_at"),
    at("until", nullable=True, index=True),
)
