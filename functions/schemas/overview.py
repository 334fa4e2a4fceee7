"""The platform's figures, as they are shown."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field

from functions.domain.overview.attention import LIMIT as NEEDS_LIMIT
from functions.domain.overview.figures import RunFigures
from functions.schemas.base import Reply
from functions.schemas.dead_letters import Database


class Runs(Reply):
    """Runs of everybody's instances."""

    open: Annotated[dict[str, int], Field(description="By status; 10,000 in all at most.")]
    ended_today: Annotated[dict[str, int], Field(description="By status, since midnight (UTC).")]
    oldest_waiting_seconds: Annotated[float | None, Field(description="For how long the oldest has been `queued`.")]
    spent_today: Annotated[str, Field(description="What their agents have reported to have cost, a decimal.")]

    @classmethod
    def of(cls, figures: RunFigures) -> Self:
        """Return them as they are shown."""
        return cls.model_validate(vars(figures) | {"spent_today": plain(figures.spent_today)})


def plain(cost: Decimal) -> str:
    """Return a cost as text, without zeros that say nothing."""
    return f"{cost.normalize():f}"


class Path(Reply):
    """The event path from a database."""

    database: Database
    waiting: Annotated[int, Field(description="Committed events that RabbitMQ has not confirmed; 10,000 at most.")]
    oldest_seconds: Annotated[float | None, Field(description="Age of the oldest of them.")]
    parked: Annotated[int, Field(description="Events that can't be published.")]
    dead: Annotated[int, Field(description="Open dead letters.")]
    relays: Annotated[int, Field(description="Relays that are connected.")]


class Need(Reply):
    """Some things that need somebody, for one reason."""

    kind: Annotated[str, Field(description="What they are: `instance`, `run`, `event` or `subscriber`.")]
    trouble: Annotated[str, Field(description="The reason, for programs. There may be more.", examples=["stuck"])]
    count: Annotated[int, Field(description=f"How many; {NEEDS_LIMIT} at most.")]
    ids: Annotated[list[str], Field(description="The newest of them: `GET /v1/admin/why/{id}` says more of each.")]
    link: Annotated[str, Field(description="Where all of them are listed; empty where nothing lists them.")]
    to_do: Annotated[str, Field(description="What somebody can do about it.")]


class Overview(Reply):
    """The platform at this moment."""

    accounts: Annotated[dict[str, int], Field(description="By state: `active`, `unverified`, `suspended`, `deleted`.")]
    instances: Annotated[dict[str, int], Field(description="By status; deleted ones don't count.")]
    desired_instances: Annotated[dict[str, int], Field(description="By what is desired: `running` or `stopped`.")]
    versions: Annotated[dict[str, int], Field(description="Versions of agents, by status.")]
    runs: Runs
    event_path: list[Path]
    instances_due: Annotated[int, Field(description="That wait for a worker; 10,000 at most.")]
    oldest_due_seconds: Annotated[float | None, Field(description="For how long the oldest of these has been due.")]
    kill_switches: Annotated[int, Field(description="That are engaged, suspensions among them.")]
    needs_attention: list[Need]
