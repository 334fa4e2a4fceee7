"""A role says only its own events, bodies have the names of their events, and order can be asked for."""

from alembic import op

from migrations import speaking

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make it."""
    op.execute(speaking.upgrade("shared_psql"))
    op.execute("alter table instance_events add column sequence bigint")


def downgrade() -> None:
    """Take it back."""
    op.execute("alter table instance_events drop column sequence")
    op.execute(speaking.downgrade())
