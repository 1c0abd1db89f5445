"""Browsers that stand in for a second factor; what people prefer, confirmed, and put off."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what remembering needs."""
    op.add_column("devices", sa.Column("remembered", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("people", sa.Column("preferred", sa.Text(), nullable=False, server_default=""))
    op.add_column("people", sa.Column("methods_seen_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "snoozes",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("snoozed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "rule"),
    )
