"""Sessions that were revoked in user_psql, kept here until their last access token has expired."""

from sqlalchemy import TIMESTAMP, Column, Table, Text

from shared_psql_models.tables import metadata

revoked_sessions = Table(
    "revoked_sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("expires_at", TIMESTAMP(timezone=True), nullable=False, index=True),
)
