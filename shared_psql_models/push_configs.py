"""Where notifications about runs go."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Table, Text, func

from shared_psql_models.tables import TIME, Record, metadata

push_configs = Table(
    "push_configs",
    metadata,
    Column("run_id", Text(collation="C"), ForeignKey("runs.id", ondelete="cascade"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("sealed", LargeBinary, comment="how they authenticate themselves there, encrypted; null if they don't"),
    Column(
        "notified_sequence",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="the number of the last event of the run that was told there",
    ),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    comment="where notifications about runs go",
)


class PushConfig(Record):
    """A row of `push_configs`."""

    run_id: str
    id: str
    url: str
    sealed: bytes | None
    notified_sequence: int
    created_at: datetime
