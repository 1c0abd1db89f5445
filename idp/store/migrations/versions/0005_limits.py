"""Codes that work once, banned networks, one session per browser, loops, retention."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN_SESSION = "ended_at IS NULL AND browser <> ''"
_STILL_PERSONAL = "personal IS NOT NULL"


def upgrade() -> None:
    """Make two tables, and add columns and indexes to others."""
    _codes()
    _bans()
    _sessions()
    op.create_index(
        "ix_audit_personal",
        "audit",
        ["at"],
        unique=False,
        sqlite_where=sa.text(_STILL_PERSONAL),
        postgresql_where=sa.text(_STILL_PERSONAL),
    )


def _codes() -> None:
    op.create_table(
        "method_codes",
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("method", "hash"),
    )
    op.add_column("methods", sa.Column("ends_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "people", sa.Column("recovery_due", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("people", sa.Column("proofs_from", sa.BigInteger(), nullable=True))


def _bans() -> None:
    op.create_table(
        "bans",
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("network"),
    )
    op.create_index(op.f("ix_bans_until"), "bans", ["until"], unique=False)


def _sessions() -> None:
    op.add_column("sessions", sa.Column("browser", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "uq_sessions_browser",
        "sessions",
        ["browser"],
        unique=True,
        sqlite_where=sa.text(_OPEN_SESSION),
        postgresql_where=sa.text(_OPEN_SESSION),
    )
    op.add_column("participants", sa.Column("answers", sa.Integer(), nullable=False, server_default="1"))
    op.add_column(
        "participants", sa.Column("answers_since", sa.BigInteger(), nullable=False, server_default="0")
    )
