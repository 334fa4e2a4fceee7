"""An event that can't be published may hold back those after it of its subject."""

from alembic import op

from migrations import pausing

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns, and let what pauses leave in its turn."""
    op.execute(pausing.upgrade())


def downgrade() -> None:
    """Take it back."""
    op.execute(pausing.downgrade())
