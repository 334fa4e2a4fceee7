"""What agents keep for their instances, and how many bytes that is."""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from shared_psql_models.tables import TIME, Record, metadata

agent_memory = Table(
    "agent_memory",
    metadata,
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("key", Text(collation="C"), primary_key=True),
    Column("value", JSONB, nullable=False),
    Column("bytes", Integer, nullable=False, comment="that it counts"),
    Column("row_version", BigInteger, nullable=False, server_default="1"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("updated_at", TIME, nullable=False, server_default=func.now()),
)

agent_memory_usage = Table(
    "agent_memory_usage",
    metadata,
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("owner_id", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False, server_default="0", comment="of all that is kept for the instance"),
    Index(None, "owner_id"),
)


class MemoryEntry(Record):
    """A row of `agent_memory`."""

    instance_id: str
    key: str
    value: JsonValue
    bytes: int
    row_version: int
    created_at: datetime
    updated_at: datetime
