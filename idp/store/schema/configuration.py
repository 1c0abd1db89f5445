"""Tables of what the service is told: partners, rules, carriers, keys, and every change of them."""

from __future__ import annotations

import sqlalchemy as sa

from idp.store.columns import Serial, at, flag, json, metadata, only, sealed, text

changes = sa.Table(
    "changes",
    metadata,
    sa.Column("revision", Serial, primary_key=True, autoincrement=True),
    at("at"),
    text("actor"),
    text("noun"),
    text("key"),
    sa.Column("before", sa.JSON(none_as_null=True)),
    sa.Column("after", sa.JSON(none_as_null=True)),
    sa.Index("ix_changes_noun_key", "noun", "key"),
    sqlite_autoincrement=True,
)
settings = sa.Table("settings", metadata, text("key", primary_key=True), json("value"))
issuers = sa.Table(
    "issuers",
    metadata,
    text("id", primary_key=True),
    text("base_url"),
    text("entity_id", unique=True),
    text("key_set"),
)
keys = sa.Table(
    "keys",
    metadata,
    text("kid", primary_key=True),
    text("key_set"),
    text("purpose"),
    text("alg"),
    text("state"),
    text("certificate"),
    sealed("signing key"),
    at("created_at"),
    at("retired_at", nullable=True),
    # One key signs and one waits, whatever races.
    sa.Index(
        "uq_keys_turn",
        "key_set",
        "purpose",
        "alg",
        "state",
        unique=True,
        **only("state <> 'retired'"),
    ),
)
partners = sa.Table(
    "partners",
    metadata,
    text("id", primary_key=True),
    text("door"),
    text("identifier"),
    text("name"),
    text("issuer"),
    flag("enabled"),
    json("release"),
    json("access"),
    json("settings"),
    text("notes"),
    sa.Column("revision", sa.BigInteger, nullable=False),
    # Name and identifier, folded: what lists are sorted by and searched in.
    text("sought", server_default=""),
    # Whether people may open it from our own page.
    sa.Column("started", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("door", "identifier", name="uq_partners_identifier"),
    sa.Index("ix_partners_identifier", "identifier"),
    sa.Index("ix_partners_sought", "sought", "id"),
    sa.Index("ix_partners_started", "started", "sought", "id"),
)
# Where a partner's metadata comes from, and what came of looking there last. held is the metadata
# that waits for approval.
sources = sa.Table(
    "sources",
    metadata,
    text("id", primary_key=True),
    text("partner", index=True),
    text("kind"),
    text("place"),
    text("signer"),
    text("mode"),
    text("etag"),
    text("modified"),
    text("digest"),
    at("checked_at", nullable=True),
    at("due_at", index=True),
    sa.Column("pace", sa.Integer, nullable=False),
    at("valid_until", nullable=True),
    text("error"),
    sa.Column("held", sa.LargeBinary),
    at("held_at", nullable=True),
    sa.Index("ix_sources_place", "kind", "place"),
)
rules = sa.Table(
    "rules",
    metadata,
    text("id", primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    json("document"),
)

carriers = sa.Table(
    "carriers",
    metadata,
    text("name", primary_key=True),
    text("type"),
    sa.Column("position", sa.Integer, nullable=False),
    json("prefixes"),
    json("settings"),
    sealed("carrier"),
)
