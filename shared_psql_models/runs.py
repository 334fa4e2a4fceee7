"""Conversations, the runs in them, and what happens in each run."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import JsonValue
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared_psql_models.tables import TIME, Json, Record, metadata, one_of


class RunStatus(StrEnum):
    """How far a run is."""

    QUEUED = "queued"
    """It waits for its turn."""
    RUNNING = "running"
    """Its agent answers."""
    INPUT_REQUIRED = "input_required"
    """Its agent has asked for something; nothing runs until that is answered."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})
"""Statuses that stay."""


class EventType(StrEnum):
    """What an event of a run tells."""

    STATUS = "status"
    """The run has another status, or an attempt began: `status`, `reason`, `explanation`, `attempt` and more."""
    TEXT = "text"
    """A piece of the reply: `text`."""
    TOOL_CALL = "tool_call"
    """The agent calls a tool: `id`, `name`, `arguments`."""
    TOOL_RESULT = "tool_result"
    """What a tool answered: `id`, `content`."""
    NOTE = "note"
    """What the agent is doing, in its words: `text`."""
    DATA = "data"
    """Something structured: `data`, and `name` if it has one."""
    USAGE = "usage"
    """What the agent reports to have used, since it last did."""
    INPUT = "input"
    """The agent asks for something: `id`, `text`, `schema`, and `tool` if it wants one of the client's called."""
    ANSWER = "answer"
    """What it asked for was answered: `id`, `value`."""


conversations = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("instance_id", Text, ForeignKey("instances.id"), nullable=False),
    Column("owner_id", Text, nullable=False),
    Column("client_key", Text, comment="by what a client of a protocol knows it: the protocol, and its own id"),
    Column("runs", Integer, nullable=False, server_default="0", comment="how many: the position of the last"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("updated_at", TIME, nullable=False, server_default=func.now()),
    UniqueConstraint("instance_id", "client_key"),
    Index(None, "instance_id", "id"),
)

_IS_OPEN: Final = text(one_of("status", (each for each in RunStatus if each not in ENDED)))
_IS_ENDED: Final = one_of("status", (each for each in RunStatus if each in ENDED))

runs = Table(
    "runs",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("conversation_id", Text, ForeignKey("conversations.id"), nullable=False),
    Column("position", Integer, nullable=False, comment="in its conversation, whose runs take turns in this order"),
    Column("instance_id", Text, ForeignKey("instances.id"), nullable=False),
    Column("owner_id", Text, nullable=False),
    Column(
        "version_id", Text, ForeignKey("agent_versions.id"), comment="which answered; null before the first attempt"
    ),
    Column("protocol", Text, nullable=False, server_default="api", comment="by which it was asked"),
    Column("client_key", Text, comment="by which whoever asks twice is given the first; null if it has none"),
    Column("fingerprint", Text, comment="of what was asked with that key"),
    Column("message_id", Text, nullable=False),
    Column("message", JSONB, nullable=False, comment="what the agent is told: text, and what came with it"),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("reason", Text, nullable=False, comment="a typed reason for the present status"),
    Column("explanation", Text, nullable=False, comment="the reason for people"),
    Column("status_at", TIME, nullable=False, server_default=func.now(), comment="since when it has that status"),
    Column("attempt", Integer, nullable=False, server_default="0", comment="calls of the agent that were begun"),
    Column(
        "retries",
        Integer,
        nullable=False,
        server_default="0",
        comment="calls that may be begun after the first: one more with each answer",
    ),
    Column("seconds", Integer, nullable=False, comment="how long a call of the agent may take"),
    Column("due_at", TIME, nullable=False, server_default=func.now()),
    Column("deadline_at", TIME, comment="when the present status is given up"),
    Column("request", JSONB, comment="what the agent has asked for; null while it asks nothing"),
    Column("answer", JSONB, comment="the answer to what the agent asked last"),
    Column("cancel_reason", Text, comment="why it is to be cancelled; null unless somebody has asked"),
    Column("cancelled_by", Text),
    Column("reply", Text, comment="the text of its events up to reply_sequence; null before there is any that stays"),
    Column(
        "reply_sequence",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="the number up to which the reply is that: an attempt that is tried again is left out",
    ),
    Column("usage", JSONB, nullable=False, server_default="{}", comment="what the agent reports, by its names"),
    Column("wall_ms", BigInteger, nullable=False, server_default="0"),
    Column("processor_ms", BigInteger, nullable=False, server_default="0"),
    Column("reservation", JSONB, comment="what is reserved of budgets; null when nothing is"),
    Column(
        "notifies",
        Boolean,
        nullable=False,
        server_default="false",
        comment="whether somebody is to be notified of its statuses",
    ),
    Column("last_sequence", BigInteger, nullable=False, server_default="0", comment="the number of its last event"),
    Column("lease_owner", Text, comment="the runner that has the lease; null when none has"),
    Column("lease_token", BigInteger, nullable=False, server_default="0", comment="the fencing token"),
    Column("lease_expires_at", TIME),
    Column("traceparent", Text, comment="of the request that asked for it"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("started_at", TIME),
    Column("ended_at", TIME),
    UniqueConstraint("conversation_id", "position"),
    UniqueConstraint("instance_id", "client_key"),
    CheckConstraint(one_of("status", RunStatus), name="status"),
    CheckConstraint(f"(deadline_at is null) = ({_IS_ENDED})", name="deadline"),
    CheckConstraint(f"(ended_at is not null) = ({_IS_ENDED})", name="ended"),
    Index(None, "instance_id", "id"),
    Index(None, "owner_id", "id"),
    Index("runs_queued_idx", "owner_id", "id", postgresql_where=text("status = 'queued'")),
    Index("runs_open_idx", "instance_id", postgresql_where=_IS_OPEN),
    Index("runs_open_conversation_idx", "conversation_id", "position", postgresql_where=_IS_OPEN),
    Index("runs_awaiting_input_idx", "instance_id", postgresql_where=text("status = 'input_required'")),
    Index("runs_unsuccessful_idx", "status", "id", postgresql_where=text("status in ('failed', 'cancelled')")),
    Index(None, "version_id", "id"),
    Index(None, "lease_expires_at", postgresql_where=text("lease_owner is not null")),
    Index(None, "deadline_at", postgresql_where=text("deadline_at is not null")),
    Index(None, "ended_at", postgresql_where=text("ended_at is not null")),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", Text(collation="C"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", TIME, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    comment="what happens in runs, numbered from 1 without gaps; added to and never changed",
    postgresql_partition_by="range (run_id)",
)


class Conversation(Record):
    """A row of `conversations`."""

    id: str
    instance_id: str
    owner_id: str
    client_key: str | None
    runs: int
    created_at: datetime
    updated_at: datetime


class Run(Record):
    """A row of `runs`."""

    id: str
    conversation_id: str
    position: int
    instance_id: str
    owner_id: str
    version_id: str | None
    protocol: str
    client_key: str | None
    fingerprint: str | None
    message_id: str
    message: Json
    status: RunStatus
    reason: str
    explanation: str
    status_at: datetime
    attempt: int
    retries: int
    seconds: int
    due_at: datetime
    deadline_at: datetime | None
    request: Json | None
    answer: Json | None
    cancel_reason: str | None
    cancelled_by: str | None
    reply: str | None
    reply_sequence: int
    usage: Json
    wall_ms: int
    processor_ms: int
    reservation: JsonValue
    notifies: bool
    last_sequence: int
    lease_owner: str | None
    lease_token: int
    lease_expires_at: datetime | None
    traceparent: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Return whether nothing happens in it any more."""
        return self.status in ENDED


class RunEvent(Record):
    """A row of `run_events`."""

    run_id: str
    sequence: int
    at: datetime
    type: EventType
    data: Json
