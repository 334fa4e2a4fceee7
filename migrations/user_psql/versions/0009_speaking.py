"""A role says only its own events, bodies have the names of their events, and order can be asked for."""

from alembic import op

from migrations import speaking

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make it."""
    op.execute(speaking.upgrade("user_psql"))


def downgrade() -> None:
    """Take it back."""
    op.execute(speaking.downgrade())
