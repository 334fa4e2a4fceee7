"""What the runs of an instance have used, by day."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from shared_psql_models.tables import metadata

run_usage = Table(
    "run_usage",
    metadata,
    Column("owner_id", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="in UTC, on which they ended"),
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("runs", BigInteger, nullable=False, server_default="0", comment="that ended, and whose agent was called"),
    Column("wall_ms", BigInteger, nullable=False, server_default="0"),
    Column("processor_ms", BigInteger, nullable=False, server_default="0"),
    Column("cost", Numeric, nullable=False, server_default="0"),
    Column("reported", JSONB, nullable=False, server_default="{}", comment="sums of other numbers, by their names"),
    Index(None, "instance_id", "day"),
    Index(None, "day"),
)
