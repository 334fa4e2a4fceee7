"""What begins a run is planned once in a session."""

from migrations.sql import run

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Add the function that begins one."""
    run("shared_psql/sql/0030_begun.sql")


def downgrade() -> None:
    """Drop it."""
    run("shared_psql/sql/0030_drop.sql")
