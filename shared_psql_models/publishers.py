"""Publishers: other systems that may publish events, and the keys by which they are known."""

from datetime import datetime

from sqlalchemy import ARRAY, Column, ForeignKey, Table, Text, func

from shared_psql_models.tables import TIME, Record, metadata

publishers = Table(
    "publishers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("sources", ARRAY(Text), nullable=False, comment="that it may name, and what is below them"),
    Column("types", ARRAY(Text), nullable=False, comment="that it may publish; empty for all that its scopes allow"),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("revoked_at", TIME),
)

publisher_keys = Table(
    "publisher_keys",
    metadata,
    Column("hash", Text, primary_key=True, comment="sha256 of the key, which is kept nowhere"),
    Column("publisher_id", Text, ForeignKey("publishers.id"), nullable=False, index=True),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("expires_at", TIME, comment="null for a key that was not replaced"),
)


class Publisher(Record):
    """A row of `publishers`."""

    id: str
    name: str
    sources: list[str]
    types: list[str]
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None
