"""What accounts may have and have, and what their runs have used: the shapes that several endpoints answer with."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer

from functions.domain.instances.quotas import Quota
from functions.domain.runs import budgets
from functions.schemas.base import Reply

Cost = Annotated[
    Decimal,
    PlainSerializer(budgets.plain, return_type=str),
    Field(examples=["0.25"], description="A decimal, in whatever currency agents report."),
]


class Use(Reply):
    """How much of something an account has, and may have."""

    used: int
    limit: int


class Usage(Reply):
    """How much an account has, and may have."""

    usage: Annotated[dict[Quota, Use], Field(examples=[{"instances": {"used": 3, "limit": 50}}])]


class AccountLimits(Usage):
    """What an account may have, and has."""

    account_id: str
    limits: Annotated[dict[str, int], Field(description="Those of its own; otherwise the installation's hold.")]
    row_version: Annotated[int, Field(description="Counts their changes; also their ETag.")]

    def etag(self) -> str:
        """Return the count of their changes."""
        return str(self.row_version)


class Used(Reply):
    """What some runs have used that have ended, and whose agent was called."""

    runs: int
    wall_ms: Annotated[int, Field(description="While their agents answered, in milliseconds.")]
    processor_ms: Annotated[int, Field(description="Of their agents' processors, as far as it is known.")]
    cost: Cost
    reported: Annotated[
        dict[str, int | float],
        Field(
            description="Sums of the other numbers that agents report, by their names.",
            examples=[{"input_tokens": 812, "output_tokens": 96}],
        ),
    ]


class UsedOnDay(Used):
    """What runs have used that ended on a day."""

    day: date


class UsedByInstance(Used):
    """What runs of an instance have used."""

    instance_id: str


class UsedByRuns(Reply):
    """What runs have used that ended from one day to another, in UTC."""

    first_day: date
    last_day: date
    total: Used
    days: Annotated[list[UsedOnDay], Field(description="Those on which a run ended.")]
    instances: Annotated[list[UsedByInstance], Field(description="Up to a thousand, with the most runs first.")]


class AccountUsage(Usage):
    """How much an account has, and may have, and what its runs have used."""

    may_launch: Annotated[
        bool,
        Field(description="False until your address is verified, and for a moment more, where that is asked for."),
    ]
    runs: UsedByRuns
