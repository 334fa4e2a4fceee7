"""Where events were recorded before there was a trail of all that is done: empty, and gone with a later release."""

from sqlalchemy import Column, Index, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from shared_psql_models.tables import TIME, metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("trace_id", Text),
    Column("data", JSONB, nullable=False),
    Column("happened_at", TIME, nullable=False),
    Column("recorded_at", TIME, nullable=False, server_default=func.now()),
    Index(None, "subject", "id"),
    Index(None, "source", "event_id", unique=True),
)
