"""The reference that a person was shown, findable in the record."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty in older rows: theirs stand in their detail."""
    op.add_column("audit", sa.Column("reference", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_audit_reference",
        "audit",
        ["reference"],
        sqlite_where=sa.text("reference <> ''"),
        postgresql_where=sa.text("reference <> ''"),
    )
