"""Instances as they are shown: the shapes that several endpoints answer with."""

from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field

from core.ids import pattern
from functions.domain.instances.reading import DescribedInstance
from functions.domain.instances.reasons import Reason
from functions.domain.instances.redaction import redacted
from functions.schemas.base import PageQuery, Reply
from shared_psql_models.statuses import DesiredState, Status, VersionStatus

InstanceId = Annotated[str, Field(pattern=pattern("ins"), examples=["ins_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]

Sequence = Annotated[str, BeforeValidator(lambda value: f"{value:020}" if isinstance(value, int) else value)]

_MESSAGE: Final = "The reason in words, for people."
_NEXT: Final = "What happens next, for people."


class InstanceQuery(PageQuery):
    """Which instances, and which page of them."""

    status: Annotated[
        Status | None, Field(description="Only those in this status. Without it, all but the deleted ones.")
    ] = None


class InstanceSummary(Reply):
    """An instance in short."""

    id: str
    name: str
    agent: Annotated[str, Field(description="The agent's slug.")]
    version: Annotated[str, Field(description="The number of the agent's version.")]
    version_status: Annotated[
        VersionStatus, Field(description="`deprecated` and `yanked`: move on to another version.")
    ]
    desired_state: DesiredState
    status: Status
    reason: Reason
    message: Annotated[str, Field(description=_MESSAGE)]
    next: Annotated[str, Field(description=_NEXT)]
    deadline_at: Annotated[
        datetime | None, Field(description="When the present status is given up or tried again, if it is transient.")
    ]
    created_at: datetime
    updated_at: datetime


class Instance(InstanceSummary):
    """An instance."""

    version_status_reason: Annotated[str, Field(description="Why its version is deprecated or yanked, or empty.")]
    config: Annotated[dict[str, object], Field(description="What it was told, with secrets masked.")]
    attempts: Annotated[int, Field(description="Starts that failed one after another.")]
    row_version: Annotated[int, Field(description="Counts its changes; also its ETag.")]

    @classmethod
    def of(cls, instance: DescribedInstance) -> Self:
        """Build the response, with the config's secrets redacted."""
        shown = redacted(instance.config, instance.secret_places)
        return cls.model_validate(instance.model_copy(update={"config": shown}))

    def etag(self) -> str:
        """Return the count of its changes."""
        return str(self.row_version)


class AnyInstanceSummary(InstanceSummary):
    """An instance in short, as administrators see it."""

    owner_id: str


class AnyInstance(Instance):
    """An instance, as administrators see it."""

    owner_id: str


class InstanceEvent(Reply):
    """Something that happened to an instance."""

    id: Annotated[str, Field(description="Also that of the event which says it.")]
    sequence: Annotated[
        Sequence | None, Field(description="Also the event's: of one instance the higher is later. Null for old ones.")
    ]
    kind: Annotated[str, Field(description="Which of the two changed: `desired_state` or `status`.")]
    previous: str | None
    value: str
    reason: Reason
    actor: Annotated[str, Field(description="Who caused it: an account's id, or `system`.")]
    message: Annotated[str, Field(description=_MESSAGE)]
    next: Annotated[str, Field(description=_NEXT)]
    at: datetime
