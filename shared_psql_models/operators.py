"""What operators decide about others: what accounts may have, and what is not to run."""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from shared_psql_models.tables import TIME, Record, metadata

account_limits = Table(
    "account_limits",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("limits", JSONB, nullable=False, comment="by their names; what isn't there is the installation's"),
    Column("row_version", Integer, nullable=False, server_default="1"),
    Column("updated_at", TIME, nullable=False, server_default=func.now()),
)

kill_switches = Table(
    "kill_switches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("target", Text, nullable=False, comment="an account's or a version's id; empty for everything"),
    Column("reason", Text, nullable=False, comment="which those who are concerned may read"),
    Column("engaged_by", Text, nullable=False),
    Column("engaged_at", TIME, nullable=False, server_default=func.now()),
    Column("released_by", Text),
    Column("released_at", TIME),
    CheckConstraint("scope in ('everything', 'owner', 'version', 'suspension')", name="scope"),
    CheckConstraint("(scope = 'everything') = (target = '')", name="target"),
    CheckConstraint("(released_by is null) = (released_at is null)", name="released"),
    Index("kill_switches_engaged_idx", "scope", "target", unique=True, postgresql_where=text("released_at is null")),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("action", Text, nullable=False, comment="the name of the endpoint that was asked"),
    Column("arguments", JSONB, nullable=False, comment="what it was asked for"),
    Column("target", Text, nullable=False, comment="what it is about, for people"),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", TIME, nullable=False, server_default=func.now()),
    Column("expires_at", TIME, nullable=False),
    Column("decision", Text),
    Column("decided_by", Text),
    Column("decided_at", TIME),
    Column("decision_reason", Text),
    CheckConstraint("decision in ('approved', 'rejected')", name="decision"),
    CheckConstraint(
        "(decision is null) = (decided_by is null) and (decision is null) = (decided_at is null)", name="decided"
    ),
    CheckConstraint("decision is distinct from 'approved' or decided_by <> requested_by", name="two"),
    Index("approvals_waiting_idx", "id", postgresql_where=text("decision is null")),
)


class AccountLimits(Record):
    """A row of `account_limits`."""

    account_id: str
    limits: dict[str, int]
    row_version: int
    updated_at: datetime


class Approval(Record):
    """A row of `approvals`."""

    id: str
    action: str
    arguments: dict[str, JsonValue]
    target: str
    reason: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None


class KillSwitch(Record):
    """A row of `kill_switches`."""

    id: str
    scope: str
    target: str
    reason: str
    engaged_by: str
    engaged_at: datetime
    released_by: str | None
    released_at: datetime | None
