"""Lists and searches of many partners and of a long record by index."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what partners are found by, and sort the record by time."""
    op.add_column("partners", sa.Column("sought", sa.Text(), nullable=False, server_default=""))
    op.add_column("partners", sa.Column("started", sa.Boolean(), nullable=False, server_default=sa.false()))
    _fill()
    op.create_index("ix_partners_identifier", "partners", ["identifier"])
    op.create_index("ix_partners_sought", "partners", ["sought", "id"])
    op.create_index("ix_partners_started", "partners", ["started", "sought", "id"])
    op.create_index("ix_sources_place", "sources", ["kind", "place"])
    for column in ("person", "partner"):
        op.drop_index(f"ix_audit_{column}", table_name="audit")
        op.create_index(f"ix_audit_{column}", "audit", [column, "at"])


def _fill() -> None:
    text = ("id", "name", "identifier", "sought")
    partners = sa.table(
        "partners",
        *(sa.column(name, sa.Text) for name in text),
        sa.column("settings", sa.JSON),
        sa.column("started", sa.Boolean),
    )
    connection = op.get_bind()
    found = connection.execute(
        sa.select(partners.c.id, partners.c.name, partners.c.identifier, partners.c.settings)
    )
    for row in found.all():
        values = {
            "sought": f"{_fold(row.name)}\n{_fold(row.identifier)}"[:600],
            "started": row.settings.get("idp_initiated") is True,
        }
        connection.execute(sa.update(partners).where(partners.c.id == row.id).values(values))


def _fold(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded).strip()
