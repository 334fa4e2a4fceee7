"""Budgets: what runs may be and cost in a day or a month, and what that has come to."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from shared_psql_models.tables import TIME, Record, metadata


class Period(StrEnum):
    """What a budget is for, in UTC."""

    DAY = "day"
    MONTH = "month"


class SetBy(StrEnum):
    """Who has set a budget, and can raise it."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"


budgets = Table(
    "budgets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner_id", Text, nullable=False),
    Column("instance_id", Text, ForeignKey("instances.id"), comment="null for that of the whole account"),
    Column("set_by", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("runs", BigInteger, comment="how many there may be; null for no limit"),
    Column("cost", Numeric, comment="what they may cost together; null for no limit"),
    Column("cost_per_run", Numeric, comment="what is reserved for a run until it ends"),
    Column("begins", Date, nullable=False, comment="the first day, in UTC, of what is counted"),
    Column("count", Integer, nullable=False, server_default="1", comment="grows whenever counting begins anew"),
    Column("spent_runs", BigInteger, nullable=False, server_default="0"),
    Column("spent_cost", Numeric, nullable=False, server_default="0"),
    Column("reserved_runs", BigInteger, nullable=False, server_default="0"),
    Column("reserved_cost", Numeric, nullable=False, server_default="0"),
    Column("nearly_spent", Boolean, nullable=False, server_default="false", comment="whether it was told so"),
    Column("row_version", Integer, nullable=False, server_default="1"),
    Column("updated_at", TIME, nullable=False, server_default=func.now()),
    # A column of its own: what an index has as its condition is looked at with every change of the row.
    Column(
        "exhausted",
        Boolean,
        Computed(
            "runs is not null and spent_runs + reserved_runs >= runs"
            " or cost is not null and spent_cost + reserved_cost + cost_per_run > cost",
            persisted=True,
        ),
        comment="whether it has no room for another run, until it is counted anew",
    ),
    UniqueConstraint("owner_id", "instance_id", "set_by", postgresql_nulls_not_distinct=True),
    CheckConstraint("set_by in ('owner', 'administrator')", name="set_by"),
    CheckConstraint("period in ('day', 'month')", name="period"),
    CheckConstraint("(cost is null) = (cost_per_run is null)", name="cost"),
    CheckConstraint("instance_id is null or set_by = 'owner'", name="scope"),
    Index(None, "instance_id"),
    Index("budgets_exhausted_idx", "owner_id", postgresql_where=text("exhausted")),
)


class Budget(Record):
    """A row of `budgets`."""

    id: str
    owner_id: str
    instance_id: str | None
    set_by: SetBy
    period: Period
    runs: int | None
    cost: Decimal | None
    cost_per_run: Decimal | None
    begins: date
    count: int
    spent_runs: int
    spent_cost: Decimal
    reserved_runs: int
    reserved_cost: Decimal
    nearly_spent: bool
    row_version: int
    updated_at: datetime
