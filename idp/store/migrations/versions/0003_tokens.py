"""Refresh tokens, pushed requests, logout deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what refresh tokens, access tokens for other audiences and one-time ids need; and consent."""
    _grants()
    _tokens()
    _families()
    _spent()
    _consents()


def _grants() -> None:
    op.add_column("grants", sa.Column("offline", sa.Boolean(), nullable=False, server_default=sa.false()))


def _tokens() -> None:
    for name in ("partner", "scope", "audience"):
        op.add_column("tokens", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("issued_at", sa.BigInteger(), nullable=False, server_default="0"))
    # Tokens given out before go on working until they expire, within the hour.
    tokens = sa.table("tokens", sa.column("partner"), sa.column("grant"))
    grants = sa.table("grants", sa.column("id"), sa.column("partner"))
    owner = sa.select(grants.c.partner).where(grants.c.id == tokens.c.grant).scalar_subquery()
    op.execute(sa.update(tokens).values(partner=sa.func.coalesce(owner, "")))


def _families() -> None:
    op.create_table(
        "families",
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("grant", sa.Text(), nullable=False),
        sa.Column("current", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("turned_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("family"),
        sa.UniqueConstraint("grant"),
    )
    op.create_index(op.f("ix_families_expires_at"), "families", ["expires_at"], unique=False)


def _spent() -> None:
    op.create_table(
        "spent",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_spent_expires_at"), "spent", ["expires_at"], unique=False)


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "partner", "scope"),
    )
    op.create_index("ix_consents_partner", "consents", ["partner"], unique=False)
