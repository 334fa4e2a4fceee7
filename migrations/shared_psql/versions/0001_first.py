"""The catalog, instances, the audit trail and the event path."""

from migrations.sql import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    run("shared_psql/sql/0001_source.sql")
    run("event_path/0001_tables.sql", "event_path/0001_emitting.sql")
    run("event_path/0001_rotating.sql", "event_path/0001_operating.sql")
    run("shared_psql/sql/0001_catalog.sql", "shared_psql/sql/0001_instances.sql", "shared_psql/sql/0001_callers.sql")
    run("shared_psql/sql/0001_dispatching.sql")
    run("event_path/0001_grants.sql", "shared_psql/sql/0001_grants.sql")


def downgrade() -> None:
    """Drop everything."""
    run("shared_psql/sql/0001_drop.sql", "event_path/0001_drop.sql")
