"""The events of each account, numbered, for as long as somebody may come back for them."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, text

from shared_psql_models.tables import TIME, metadata

account_feeds = Table(
    "account_feeds",
    metadata,
    Column("owner_id", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False, comment="the number of the last event"),
)

account_events = Table(
    "account_events",
    metadata,
    Column("owner_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", TIME, nullable=False, server_default=text("clock_timestamp()"), comment="when it was numbered"),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("event", Text, nullable=False, comment="the CloudEvent in structured JSON"),
    Index(None, "at"),
)
