"""The tables of the event path, which both databases have.

For migrations and whoever looks at a database: functions speak to these tables in SQL of their own, and don't load
SQLAlchemy's table classes at a cold start.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

from shared_psql_models.tables import TIME
from shared_psql_models.tables import metadata as shared_metadata

metadata = MetaData(naming_convention=shared_metadata.naming_convention)

RESOLUTIONS = "resolution in ('redriven', 'discarded')"


class TransactionId(UserDefinedType[int]):
    """Postgres' `xid8`: the number of a transaction, which is never used again."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name."""
        return "xid8"


class Snapshot(UserDefinedType[str]):
    """Postgres' `pg_snapshot`: which transactions are visible."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name."""
        return "pg_snapshot"


outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, Identity(always=True, cache=1), primary_key=True),
    Column("xid", TransactionId, nullable=False, server_default=func.pg_current_xact_id()),
    Column("id", Text, nullable=False),
    Column("source", Text, comment="null for an event of this database"),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("partitionkey", Text, nullable=False),
    Column("data", JSONB, comment="null when it is in outbox_bodies"),
    Column("traceparent", Text),
    Column("correlationid", Text),
    Column("causationid", Text),
    Column("actor", Text, nullable=False),
    Column("recipient", Text, comment="the one queue that it goes to, as when it was redriven; null for all bound"),
    Column("channel", Text, comment="the NOTIFY channel of the events that are addressed to Postgres"),
    Column("created", TIME, nullable=False, server_default=func.clock_timestamp()),
    Index(None, "xid"),
    postgresql_partition_by="range (seq)",
)

outbox_bodies = Table(
    "outbox_bodies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("data", JSONB, nullable=False),
    Column("created", TIME, nullable=False, server_default=func.clock_timestamp()),
    Column("source", Text, primary_key=True),
)

relay_cursor = Table(
    "relay_cursor",
    metadata,
    Column("name", Text, primary_key=True, server_default="outbox"),
    Column("s1", Snapshot, nullable=False),
    Column("s2", Snapshot, nullable=False),
    Column("last_seq", BigInteger, nullable=False, server_default="0"),
    Column(
        "epoch",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="rises with every relay that takes over; an older one can not move the cursor",
    ),
    Column("holder", Text, nullable=False, server_default=""),
    Column(
        "system_identifier",
        BigInteger,
        nullable=False,
        server_default=text("(pg_control_system()).system_identifier"),
    ),
    Column(
        "timeline", Text, nullable=False, server_default=text("substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
    ),
    Column("updated", TIME, nullable=False, server_default=func.now()),
    Column("probed", TIME),
    Column("probe_seconds", Double),
    CheckConstraint("name = 'outbox'", name="name"),
)

parked_events = Table(
    "parked_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("record", JSONB, nullable=False),
    Column("parked", TIME, nullable=False, server_default=func.clock_timestamp()),
    Column(
        "dead_letter_id",
        Text,
        nullable=False,
        unique=True,
        server_default=func.new_dead_letter_id(func.clock_timestamp()),
        comment="by which an operator names it; `id` is the event's",
    ),
    Column("resolution", Text),
    Column("resolved_by", Text),
    Column("resolved_at", TIME),
    Column("resolution_reason", Text),
    Column(
        "blocking",
        Boolean,
        nullable=False,
        server_default="false",
        comment="later events of its subject wait behind it, with the reason `behind`",
    ),
    Column(
        "released",
        TIME,
        comment="when it was redriven, of one that blocks: the relay sends it before what waits behind it",
    ),
    CheckConstraint(RESOLUTIONS, name="resolution"),
    Index(None, "id"),
    Index("parked_events_open_idx", "dead_letter_id", postgresql_where=text("resolution is null")),
    Index("parked_events_blocking_idx", "subject", "seq", postgresql_where=text("blocking and resolution is null")),
    comment="events that can not be published: the whole outbox row in `record`",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("died_at", TIME, nullable=False, server_default=func.clock_timestamp()),
    Column("resolution", Text),
    Column("resolved_by", Text),
    Column("resolved_at", TIME),
    Column("resolution_reason", Text, comment="the reason that whoever resolved it gave"),
    CheckConstraint(RESOLUTIONS, name="resolution"),
    Index(None, "event_id"),
    Index(
        "dead_letters_open_idx",
        *("queue", "source", "event_id"),
        unique=True,
        postgresql_where=text("resolution is null"),
    ),
)

inbox = Table(
    "inbox",
    metadata,
    Column("subscriber", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("body", JSONB, comment="the event, where a NOTIFY could only refer to it"),
    Column("received", TIME, nullable=False, server_default=func.now()),
    Index(None, "received", postgresql_using="brin"),
)

counts = Table(
    "counts",
    metadata,
    Column("counter", Text, primary_key=True),
    Column("value", Numeric, nullable=False),
    comment="how many rows are in each state, but for what is pending",
)

counts_pending = Table(
    "counts_pending",
    metadata,
    Column("counter", Text, nullable=False),
    Column("value", Numeric, nullable=False),
    comment="differences that are not yet in counts",
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("response", Text, nullable=False),
    Column("created", TIME, nullable=False, server_default=func.now()),
    Index(None, "created", postgresql_using="brin"),
)
