"""Accounts that were purged in user_psql, and of which nothing is to be left here."""

from sqlalchemy import Column, Table, Text, func

from shared_psql_models.tables import TIME, metadata

account_purges = Table(
    "account_purges",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("purged_at", TIME, nullable=False, server_default=func.now()),
    comment="accounts of which nothing is to be left; kept for a while, since events may be late",
)
