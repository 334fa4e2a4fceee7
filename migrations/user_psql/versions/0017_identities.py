"""People log in by OpenID providers."""

from migrations.sql import run

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add a table of identities, and let accounts have no password."""
    run("user_psql/sql/0017_identities.sql")


def downgrade() -> None:
    """Drop it; what has no password gets one that is nobody's."""
    run("user_psql/sql/0017_drop.sql")
