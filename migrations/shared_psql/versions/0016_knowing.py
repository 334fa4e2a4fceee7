"""Who may say which type is a constant, so that an event costs what it cost before that was looked at."""

from alembic import op

from migrations import knowing

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Put the function in the table's place."""
    op.execute(knowing.upgrade("shared_psql"))


def downgrade() -> None:
    """Put the table back, which the next migration up would fill."""
    op.execute(knowing.downgrade("shared_psql"))
