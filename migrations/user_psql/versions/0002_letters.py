"""What is stuck in the event path is listed and resolved alike, and its status can be asked for."""

from alembic import op

from migrations import letters

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns, a view and functions; the functions of the release before stay."""
    op.execute(letters.upgrade("user_psql"))


def downgrade() -> None:
    """Take it back."""
    op.execute(letters.downgrade())
