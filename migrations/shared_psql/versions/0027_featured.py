"""Agents may be featured: shown before others, in an order that curators give."""

from migrations.sql import run

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add where each stands."""
    run("shared_psql/sql/0027_featured.sql")


def downgrade() -> None:
    """Drop it."""
    run("shared_psql/sql/0027_drop.sql")
