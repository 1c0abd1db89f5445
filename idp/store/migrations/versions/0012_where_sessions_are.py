"""Sessions say from where they were opened, by which browser and on what system."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a person tells sessions apart by; those that are open say nothing of it."""
    for name in ("address", "software", "system"):
        op.add_column("sessions", sa.Column(name, sa.Text(), nullable=False, server_default=""))
