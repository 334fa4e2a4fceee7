"""The outbox's partitions are made and dropped also after a rush that ran ahead of them."""

from alembic import op

from migrations import rotating

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Replace the function."""
    op.execute(rotating.upgrade())


def downgrade() -> None:
    """Put the function back that was there before."""
    op.execute(rotating.downgrade())
