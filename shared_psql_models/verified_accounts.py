"""Accounts whose owners have verified their addresses in user_psql: they may launch instances."""

from sqlalchemy import Column, Table, Text, func

from shared_psql_models.tables import TIME, metadata

verified_accounts = Table(
    "verified_accounts",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("verified_at", TIME, nullable=False, server_default=func.now(), comment="when that became known here"),
)
