"""What is grave takes a second administrator, where that is wanted."""

from migrations.sql import run

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the table of what waits for one."""
    run("shared_psql/sql/0026_approvals.sql")


def downgrade() -> None:
    """Drop it."""
    run("shared_psql/sql/0026_drop.sql")
