"""The phone app and calls: phones being set up, what is asked on them, where they are woken; blocks."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the phone app, calls and blocks need."""
    _drafts()
    _asked()
    op.create_table(
        "push_subscriptions",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device"),
    )
    op.add_column("people", sa.Column("blocked_until", sa.BigInteger(), nullable=True))
    op.add_column("people", sa.Column("block_reason", sa.Text(), nullable=False, server_default=""))
    blocked = sa.text("blocked_until IS NOT NULL")
    op.create_index(
        "ix_people_blocked_until", "people", ["blocked_until"], sqlite_where=blocked, postgresql_where=blocked
    )


def _drafts() -> None:
    op.create_table(
        "push_drafts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False, server_default=""),
        sa.Column("label", sa.Text(), nullable=False, server_default=""),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token"),
    )
    op.create_index("ix_push_drafts_person", "push_drafts", ["person"])
    op.create_index("ix_push_drafts_expires_at", "push_drafts", ["expires_at"])


def _asked() -> None:
    names = (
        *("id", "factor", "sign_in", "browser", "secret", "number"),
        *("device", "partner", "address", "user_agent", "correlation"),
    )
    op.create_table(
        "asked_elsewhere",
        sa.Column("person", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in names),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, server_default=""),
        sa.Column("method", sa.Text(), nullable=False, server_default=""),
        sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("talk", sa.JSON(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("person"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("secret"),
    )
    op.create_index("ix_asked_elsewhere_expires_at", "asked_elsewhere", ["expires_at"])
