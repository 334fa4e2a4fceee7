"""Emitting an event rings the relay by itself, without a call."""

from alembic import op

from migrations import emitting

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Put the new function in the old one's place."""
    op.execute(emitting.upgrade())


def downgrade() -> None:
    """Take it back."""
    op.execute(emitting.downgrade())
