"""The audit trail: every event that happened, appended by one subscriber and changed by nobody."""

from sqlalchemy import TIMESTAMP, Column, Index, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from shared_psql_models.tables import metadata

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
    Column("happened_at", TIMESTAMP(timezone=True), nullable=False),
    Column("recorded_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
    Index(None, "subject", "id"),
    Index(None, "source", "event_id", unique=True),
)
