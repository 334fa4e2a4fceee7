"""Secrets of instances are kept apart from their configs, encrypted."""

from alembic import op

from migrations.sql import run

revision = "0004"
down_revision = "0005"


def upgrade() -> None:
    """Add a table. Secrets that stand in configs stay there until `botberi secrets rewrap` seals them."""
    run("shared_psql/sql/0004_secrets.sql")


def downgrade() -> None:
    """Take it back; what was sealed is lost, since only the release that sealed it can open it."""
    op.execute("drop table instance_secrets")
