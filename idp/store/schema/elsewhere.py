"""Tables of what is asked elsewhere than on the page: on phones, by app or call."""

from __future__ import annotations

import sqlalchemy as sa

from idp.store.columns import at, flag, json, metadata, sealed, text

# A phone becomes a method of the same id once it has answered. public is "" until it called.
push_drafts = sa.Table(
    "push_drafts",
    metadata,
    text("id", primary_key=True),
    text("token", unique=True),
    text("person", index=True),
    text("public", server_default=""),
    text("label", server_default=""),
    sealed("push-draft"),
    at("expires_at", index=True),
)
# Where a browser's push service takes messages for a phone (RFC 8030): who knows it may send some.
push_subscriptions = sa.Table(
    "push_subscriptions",
    metadata,
    text("device", primary_key=True),
    sealed("push-subscription"),
    at("made_at"),
)
# One row a person: nobody is asked two things at once. device is the only one that may answer, ""
# for each of the person's; secret what a carrier knows it by; outcome "" while nobody has answered;
# told says that the sign-in took it up. talk is how far a call has come, turn how often it changed.
asked_elsewhere = sa.Table(
    "asked_elsewhere",
    metadata,
    text("person", primary_key=True),
    text("id", unique=True),
    text("factor"),
    text("sign_in"),
    text("browser"),
    text("secret", unique=True),
    text("number"),
    text("device"),
    text("partner"),
    text("address"),
    text("user_agent"),
    text("correlation"),
    at("asked_at"),
    at("expires_at", index=True),
    text("outcome", server_default=""),
    text("method", server_default=""),
    flag("told", server_default=sa.false()),
    json("talk"),
    sa.Column("turn", sa.Integer, nullable=False, server_default="0"),
)
