"""What the dispatcher keeps: the retry store, with events of subjects that fail, and the slots of schedules."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from shared_psql_models.tables import TIME, metadata

deferred_subjects = Table(
    "deferred_subjects",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column(
        "attempts",
        Integer,
        nullable=False,
        server_default="0",
        comment="calls that failed, of the first event that waits",
    ),
    Column(
        "due",
        TIME,
        nullable=False,
        comment="when it is tried again; while it is claimed, when the claim ends by itself",
    ),
    Column("claim", Text),
    Column("since", TIME, nullable=False, server_default=func.clock_timestamp()),
    Index(None, "queue", "due"),
    comment="subjects whose events wait here instead of in RabbitMQ",
)

deferred_events = Table(
    "deferred_events",
    metadata,
    Column("seq", BigInteger, Identity(always=True, cache=1), primary_key=True),
    Column("queue", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("event", LargeBinary, nullable=False),
    UniqueConstraint("queue", "source", "event_id"),
    ForeignKeyConstraint(["queue", "subject"], ["deferred_subjects.queue", "deferred_subjects.subject"]),
    Index(None, "queue", "subject", "seq"),
)

cron_slots = Table(
    "cron_slots",
    metadata,
    Column("schedule", Text, primary_key=True),
    Column("slot", TIME, primary_key=True),
    Column("fired", TIME, comment="null for the slot before the first, from which a new schedule counts"),
)
