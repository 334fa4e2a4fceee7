"""Dead letters and parked events as they are shown and chosen: the shapes that several endpoints share."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path import resolving
from functions.domain.event_path.dead_letters import Databases, Filter
from functions.domain.event_path.resolving import LIMIT, Action, Outcome
from functions.schemas.base import Body, Query, Reply

Kind = Literal["parked", "dead"]
Database = Literal["user_psql", "shared_psql"]
Term = Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


class DeadLetter(Reply):
    """An event that is stuck, or was."""

    id: str
    kind: Annotated[Kind, Field(description="`parked`: it can't be published; `dead`: a subscriber can't handle it.")]
    database: Annotated[Database, Field(description="Where it is kept.")]
    queue: Annotated[str | None, Field(description="Where it died; null for a parked event that goes to all queues.")]
    event_id: str
    source: str
    type: str
    subject: str
    reason: Annotated[str, Field(description="A code, such as `unroutable` or `refused`.")]
    detail: str
    attempts: Annotated[int, Field(description="Calls of the subscriber.")]
    died_at: datetime
    resolution: Literal["redriven", "discarded"] | None
    resolved_by: str | None
    resolved_at: datetime | None
    resolution_reason: str | None


class DryRun(Query):
    """Whether to change anything."""

    dry_run: Annotated[bool, Field(description="Only tell what would be done.")] = False


class Selection(Body):
    """Select open dead letters by id, or by filters, oldest first. Nothing at all selects none."""

    ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]] | None,
        Field(min_length=1, max_length=LIMIT, description="Instead of a filter."),
    ] = None
    kind: Annotated[Kind | None, Field(examples=["parked"])] = None
    database: Database | None = None
    queue: Term = None
    type: Term = None
    reason: Annotated[Term, Field(examples=["unroutable"])] = None
    limit: Annotated[int, Field(ge=1, le=LIMIT, description="The most that this is about, the oldest first.")] = LIMIT

    @model_validator(mode="after")
    def _chooses(self) -> Self:
        given = self.criteria() != Filter()
        if given == (self.ids is not None):
            message = "Give either ids or a filter: at least one of kind, database, queue, type and reason."
            raise PydanticCustomError("selection", message)
        return self

    def criteria(self) -> Filter:
        """Return the filter."""
        return Filter(kind=self.kind, queue=self.queue, type=self.type, reason=self.reason, database=self.database)


class Skipped(Reply):
    """A dead letter that was skipped."""

    id: str
    code: Annotated[str, Field(description="Of the problem that it would be alone.")]


class Resolved(Reply):
    """The dead letters that were resolved, or with `dry_run` would be."""

    resolution: Literal["redriven", "discarded"]
    dry_run: bool
    count: int
    ids: Annotated[list[str], Field(description="Oldest first.")]
    skipped: list[Skipped]
    more: Annotated[bool, Field(description="Whether the filter has more: ask again.")]

    @classmethod
    def of(cls, action: Action, outcome: Outcome) -> Self:
        """Build the answer."""
        skipped = [
            Skipped(id=dead_letter, code=api_error.code) for dead_letter, api_error in sorted(outcome.skipped.items())
        ]
        return cls(
            resolution=action.resolution,
            dry_run=action.dry_run,
            count=len(outcome.ids),
            ids=outcome.ids,
            skipped=skipped,
            more=outcome.more,
        )


def resolve_selected(databases: Databases, action: Action, selection: Selection) -> Resolved:
    """Redrive or discard what was selected."""
    if selection.ids is not None:
        return Resolved.of(action, resolving.resolve_by_id(databases, action, selection.ids))
    return Resolved.of(action, resolving.resolve_matching(databases, action, selection.criteria(), selection.limit))


def both(user: UserDb, shared: SharedDb) -> Databases:
    """Return the databases in which events get stuck, by name."""
    return {"user_psql": user, "shared_psql": shared}
