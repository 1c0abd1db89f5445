"""A long record searched by event, factor, reason and correlation by index; methods that end, found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an index for each; few events have a factor or a reason."""
    op.create_index("ix_audit_event", "audit", ["event", "at"])
    op.create_index("ix_audit_correlation", "audit", ["correlation"])
    for column in ("factor", "reason"):
        given = sa.text(f"{column} <> ''")
        op.create_index(
            f"ix_audit_{column}", "audit", [column, "at"], sqlite_where=given, postgresql_where=given
        )
    ends = sa.text("ends_at IS NOT NULL")
    op.create_index("ix_methods_ends_at", "methods", ["ends_at"], sqlite_where=ends, postgresql_where=ends)
