"""The phone app: phones being set up, what they are asked, where they are woken; people who are blocked."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the phone app and blocks need."""
    _drafts()
    _requests()
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


def _requests() -> None:
    names = (
        "id",
        "sign_in",
        "browser",
        "number",
        "device",
        "partner",
        "address",
        "user_agent",
        "correlation",
    )
    op.create_table(
        "push_requests",
        sa.Column("person", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in names),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, server_default=""),
        sa.Column("method", sa.Text(), nullable=False, server_default=""),
        sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("person"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_push_requests_expires_at", "push_requests", ["expires_at"])
