"""Instances of agents, what each generation of them consists of, and the history of each."""

from datetime import datetime

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
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

from shared_psql_models.statuses import TRANSIENT, DesiredState, Status
from shared_psql_models.tables import TIME, Json, Record, metadata, one_of

instances = Table(
    "instances",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner_id", Text, nullable=False),
    Column("agent_id", Text, ForeignKey("agents.id"), nullable=False),
    Column("version_id", Text, ForeignKey("agent_versions.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column(
        "config", JSON, nullable=False, comment="as it was sent, with the schema's defaults: order and numbers stay"
    ),
    Column(
        "secret_places",
        ARRAY(Text),
        nullable=False,
        server_default='{""}',
        comment="JSON Pointers to the secrets in the config, which nobody is shown; an empty one stands for all of it",
    ),
    Column("limits", JSONB, nullable=False, server_default="{}", comment="those of its own, below the installation's"),
    Column("labels", JSONB, nullable=False, server_default="{}"),
    Column(
        "discoverable",
        Boolean,
        nullable=False,
        server_default="false",
        comment="whether its card is read without a token",
    ),
    Column("generation", Integer, nullable=False, server_default="1", comment="counts what it shall consist of"),
    Column("observed_generation", Integer, comment="the one that serves; null before it has run for the first time"),
    Column("desired_state", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("reason", Text, nullable=False, comment="a typed reason for the present status"),
    Column("message", Text, nullable=False, comment="the reason for people"),
    Column("next", Text, nullable=False, server_default="", comment="what happens next, for people"),
    Column("deadline_at", TIME, comment="when a transient status is given up"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="starts that failed one after another"),
    Column("due_at", TIME, nullable=False, server_default=func.now(), comment="when the worker should look again"),
    Column("row_version", Integer, nullable=False, server_default="1"),
    Column("lease_owner", Text, comment="who has the lease, drawn at random; null when nobody has"),
    Column("lease_expires_at", TIME),
    Column("queued_at", TIME, comment="when the sweep last handed it to the workers"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("updated_at", TIME, nullable=False, server_default=func.now()),
    Column("quarantined_at", TIME, comment="since when nobody may start it; null for one that isn't set apart"),
    Column("quarantined_by", Text),
    Column("quarantine_reason", Text, comment="which its owner may read"),
    CheckConstraint(one_of("desired_state", DesiredState), name="desired_state"),
    CheckConstraint(one_of("status", Status), name="status"),
    CheckConstraint(
        f"status not in ({', '.join(repr(status.value) for status in sorted(TRANSIENT))}) or deadline_at is not null",
        name="deadline",
    ),
    CheckConstraint("num_nulls(quarantined_at, quarantined_by, quarantine_reason) in (0, 3)", name="quarantine"),
    Index(None, "owner_id", "id"),
    Index("instances_present_idx", "owner_id", "id", postgresql_where=text("status <> 'deleted'")),
    Index(None, "agent_id", "id"),
    Index(None, "version_id", "id"),
    Index(None, "status", "id"),
    Index(None, "name", "id"),
    Index(None, "labels", postgresql_using="gin", postgresql_ops={"labels": "jsonb_path_ops"}),
    Index(None, "due_at", postgresql_where=text("status <> 'deleted'")),
    Index(None, "deadline_at", postgresql_where=text("deadline_at is not null")),
    Index("instances_failing_idx", "id", postgresql_where=text("attempts > 0")),
    Index("instances_quarantined_idx", "id", postgresql_where=text("quarantined_at is not null")),
)

instance_specs = Table(
    "instance_specs",
    metadata,
    Column("instance_id", Text, ForeignKey("instances.id"), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("version_id", Text, ForeignKey("agent_versions.id"), nullable=False),
    Column("config", JSON, nullable=False),
    Column("secret_places", ARRAY(Text), nullable=False),
    Column("limits", JSONB, nullable=False),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Index(None, "version_id"),
)

instance_events = Table(
    "instance_events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("instance_id", Text, ForeignKey("instances.id"), nullable=False),
    Column(
        "kind",
        Text,
        nullable=False,
        comment="what changed: `desired_state`, `status`, `generation`, `quarantine`; or `reconciliation`",
    ),
    Column("previous", Text),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("next", Text, nullable=False, server_default=""),
    Column("at", TIME, nullable=False, server_default=func.clock_timestamp()),
    Column("sequence", BigInteger),
    Index(None, "instance_id", "id"),
)


class Instance(Record):
    """A row of `instances`."""

    id: str
    owner_id: str
    agent_id: str
    version_id: str
    name: str
    config: Json
    secret_places: list[str]
    limits: dict[str, int]
    labels: dict[str, str]
    discoverable: bool
    generation: int
    observed_generation: int | None
    desired_state: DesiredState
    status: Status
    reason: str
    message: str
    next: str
    deadline_at: datetime | None
    attempts: int
    due_at: datetime
    row_version: int
    lease_owner: str | None
    lease_expires_at: datetime | None
    queued_at: datetime | None
    created_at: datetime
    updated_at: datetime
    quarantined_at: datetime | None
    quarantined_by: str | None
    quarantine_reason: str | None


class InstanceSpec(Record):
    """A row of `instance_specs`."""

    instance_id: str
    generation: int
    version_id: str
    config: Json
    secret_places: list[str]
    limits: dict[str, int]
    created_at: datetime


class InstanceEvent(Record):
    """A row of `instance_events`."""

    id: str
    instance_id: str
    kind: str
    previous: str | None
    value: str
    reason: str
    actor: str
    message: str
    next: str
    at: datetime
    sequence: int | None
