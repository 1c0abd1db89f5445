"""What a participant's subject is called, to be found by."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty in older rows: those sessions end within a day, and by their index before."""
    op.add_column("participants", sa.Column("named", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_participants_named", "participants", ["partner", "named"])
