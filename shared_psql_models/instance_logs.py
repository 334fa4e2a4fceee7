"""What agents write: the lines, how many there are of each instance, and the hosts that they come from."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, Table, Text, func

from shared_psql_models.tables import TIME, Record, metadata, one_of


class Stream(StrEnum):
    """Where a line was written."""

    STDOUT = "stdout"
    STDERR = "stderr"
    PLATFORM = "platform"
    """By the platform, about the log: no agent can write this."""


class Level(StrEnum):
    """How serious a line is, from the least on."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def and_above(self) -> list["Level"]:
        """Return the levels that are at least as serious."""
        levels = list(Level)
        return levels[levels.index(self) :]


class Cap(StrEnum):
    """Why lines are dropped."""

    DAY = "day"
    """The instance has as many bytes as it may write in a day."""
    ACCOUNT = "account"
    """Its owner has as many as may be kept."""


instance_logs = Table(
    "instance_logs",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", TIME, nullable=False, comment="when the host read it"),
    Column("stream", Text, nullable=False, comment="`platform` for what the agent hasn't written itself"),
    Column("level", Text, nullable=False),
    Column("message_id", Text, comment="the message that was being answered; null between messages, and among several"),
    Column("text", Text, nullable=False),
    CheckConstraint(one_of("stream", Stream), name="stream"),
    CheckConstraint(one_of("level", Level), name="level"),
    Index(None, "at"),
)

instance_log_usage = Table(
    "instance_log_usage",
    metadata,
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("owner_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False, server_default="0", comment="the number of the last line"),
    Column("bytes", BigInteger, nullable=False, server_default="0", comment="of the lines that are kept"),
    Column("day", Date, nullable=False, comment="in UTC, on which the last line was written"),
    Column("day_bytes", BigInteger, nullable=False, server_default="0", comment="of the lines of that day"),
    Column("capped", Text, comment="which cap was reached, and said so; null since a line was kept again"),
    Column("dropped", BigInteger, nullable=False, server_default="0", comment="lines that were dropped since"),
    CheckConstraint(one_of("capped", Cap), name="capped"),
    Index(None, "owner_id"),
)

agent_log_sources = Table(
    "agent_log_sources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("batch", BigInteger, nullable=False, comment="the last batch of lines that was taken from it"),
    Column("received", TIME, nullable=False, server_default=func.now()),
    comment="agent hosts, each start of one on its own",
)


class LogLine(Record):
    """A row of `instance_logs`."""

    instance_id: str
    sequence: int
    at: datetime
    stream: Stream
    level: Level
    message_id: str | None
    text: str

    @property
    def number(self) -> str:
        """The number as text, which ends a page."""
        return str(self.sequence)
