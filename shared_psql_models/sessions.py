"""Sessions that were revoked in user_psql, kept here until their last access token has expired."""

from sqlalchemy import Column, Table, Text

from shared_psql_models.tables import TIME, metadata

revoked_sessions = Table(
    "revoked_sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("expires_at", TIME, nullable=False, index=True),
)
