"""Why something is as it is, as it is shown."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from functions.domain.why.findings import Answer, Code
from functions.schemas.base import Reply


class Link(Reply):
    """Something that happened."""

    at: datetime
    what: Annotated[str, Field(description="For people.")]
    who: Annotated[str, Field(description="An account's id, the name of a part of the platform, or `system`.")]
    id: Annotated[str, Field(description="Of what says so: an event, a run, a dead letter or whatever else it is.")]


class Why(Reply):
    """Why something is as it is."""

    id: str
    kind: Annotated[str, Field(description="What the id is of.", examples=["run"])]
    code: Annotated[Code, Field(description="Where it waits, for programs. Codes may be added.")]
    now: Annotated[str, Field(description="Where it is or waits now, for people.")]
    next: Annotated[str, Field(description="What happens next; empty when nothing does.")]
    by: Annotated[datetime | None, Field(description="When that happens, or is late; null when no time is set.")]
    to_do: Annotated[str, Field(description="What somebody can do about it; empty when there is nothing to be done.")]
    chain: Annotated[list[Link], Field(description="What has led to it, the oldest first.")]

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Return an answer as it is shown."""
        told = {"id": answer.id, "kind": answer.kind, "chain": answer.chain}
        return cls.model_validate(vars(answer.finding) | told)
