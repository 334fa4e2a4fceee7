"""Instances are found by their names."""

from alembic import op

revision = "0009"
down_revision = "0004"


def upgrade() -> None:
    """Make an index in the order in which they are listed."""
    op.execute("create index instances_name_id_idx on instances (name, id)")


def downgrade() -> None:
    """Drop the index."""
    op.execute("drop index instances_name_id_idx")
