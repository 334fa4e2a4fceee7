"""Agents have tags and capabilities, and are found by an index of what is said of them."""

from migrations.sql import run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add columns and indexes. Catalogs are small: the rewrite that generated columns take is a matter of seconds."""
    run("shared_psql/sql/0008_search.sql")


def downgrade() -> None:
    """Take them back."""
    run("shared_psql/sql/0008_search_drop.sql")
