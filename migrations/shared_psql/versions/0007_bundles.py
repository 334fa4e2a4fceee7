"""Bundles are kept in a store of objects; the database only knows which there are."""

from alembic import op

revision = "0007"
down_revision = "0003"


def upgrade() -> None:
    """Drop what was in them."""
    op.execute("alter table bundles drop column content")


def downgrade() -> None:
    """Give the column back, without what was in it."""
    op.execute("alter table bundles add column content bytea not null default ''")
