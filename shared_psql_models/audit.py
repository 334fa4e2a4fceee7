"""The audit trail: every event that happened, appended by one subscriber and changed by nobody."""

from datetime import datetime

from sqlalchemy import Column, Index, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from shared_psql_models.tables import TIME, Json, Record, metadata

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


class AuditEntry(Record):
    """A row of `audit`."""

    id: str
    source: str
    event_id: str
    type: str
    subject: str
    actor: str
    trace_id: str | None
    data: Json
    happened_at: datetime
    recorded_at: datetime
