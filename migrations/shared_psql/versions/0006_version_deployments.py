"""Versions that are images are deployed, each once for all of its instances, by whoever has the lease on that."""

from migrations.sql import run

revision = "0006"
down_revision = "0002"


def upgrade() -> None:
    """Create a table; what knows nothing of it deploys nothing."""
    run("shared_psql/sql/0006_version_deployments.sql")


def downgrade() -> None:
    """Drop it: remove what is deployed before."""
    run("shared_psql/sql/0006_drop.sql")
