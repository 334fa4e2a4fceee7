"""Instances as they are shown: the shapes that several endpoints answer with."""

from datetime import datetime
from typing import Annotated, ClassVar, Final, Self

from pydantic import BeforeValidator, Field

from functions.domain.catalog.agents import SLUG
from functions.domain.instances import conditions, labels
from functions.domain.instances.conditions import ConditionType
from functions.domain.instances.reading import DescribedInstance, Filter
from functions.domain.instances.reasons import Reason
from functions.domain.instances.redaction import redacted
from functions.schemas.base import PageQuery, Reply
from shared_psql_models.statuses import DesiredState, Status, VersionStatus

Sequence = Annotated[str, BeforeValidator(lambda value: f"{value:020}" if isinstance(value, int) else value)]

_MESSAGE: Final = "The reason in words, for people."
_NEXT: Final = "What happens next, for people."


class InstanceQuery(PageQuery):
    """Which instances, and which page of them."""

    status: Annotated[
        list[Status] | None,
        BeforeValidator(lambda value: value.split(",") if isinstance(value, str) else value),
        Field(min_length=1, description="Only those in one of these. Without it, all but the deleted ones."),
    ] = None
    agent: Annotated[str | None, Field(pattern=SLUG, description="Only those of the agent with this slug.")] = None
    name: Annotated[str | None, Field(max_length=100, description="Only those that are called just this.")] = None
    label: Annotated[
        str | None,
        Field(
            pattern=labels.SELECTOR,
            description="Only those that have this label, `key=value`, or all of several with commas.",
            examples=["team=support"],
        ),
    ] = None

    def filter(self, owner_id: str | None) -> Filter:
        """Return which instances are meant: of an account's, or of everybody's."""
        wanted = {} if self.label is None else labels.selected(self.label)
        return Filter(owner_id, self.status, self.agent, self.name, wanted)


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
        datetime | None, Field(description="When what is on its way is late: it is then tried again, or given up.")
    ]
    labels: dict[str, str]
    discoverable: Annotated[bool, Field(description="Whether anybody may read its A2A card.")]
    generation: Annotated[int, Field(description="Counts what it shall consist of: version, config and limits.")]
    observed_generation: Annotated[
        int | None, Field(description="The generation that serves; null before it has run for the first time.")
    ]
    created_at: datetime
    updated_at: datetime


class Condition(Reply):
    """Something that can be said of an instance."""

    type: ConditionType
    holds: Annotated[bool, Field(description="Whether it is so.")]
    reason: Annotated[str, Field(description="Why, as a code.")]
    message: Annotated[str, Field(description="Why, for people.")]


class Instance(InstanceSummary):
    """An instance."""

    untold: ClassVar[frozenset[str]] = frozenset({"name", "labels", "config"})

    version_status_reason: Annotated[str, Field(description="Why its version is deprecated or yanked, or empty.")]
    config: Annotated[dict[str, object], Field(description="What it was told, with secrets masked.")]
    limits: Annotated[dict[str, int], Field(description="Those of its own; otherwise the installation's hold.")]
    conditions: list[Condition]
    attempts: Annotated[int, Field(description="Starts that failed one after another.")]
    row_version: Annotated[int, Field(description="Counts its changes; also its ETag.")]

    @classmethod
    def of(cls, instance: DescribedInstance, **more: object) -> Self:
        """Build the response, with the config's secrets redacted, and `more` fields."""
        shown = {
            "config": redacted(instance.config, instance.secret_places),
            "conditions": conditions.of_instance(instance),
        }
        return cls.model_validate(vars(instance) | shown | more)

    def etag(self) -> str:
        """Return the count of its changes."""
        return str(self.row_version)


class LiveInstance(Instance):
    """An instance, and whether it is awake."""

    awake_children: Annotated[
        int | None,
        Field(
            description="At least so many agents of it are awake: as many as one host knows of, where several may run."
            " Null when none tells in time. It is asked anew each time, and no part of the ETag."
        ),
    ]


class AnyInstanceSummary(InstanceSummary):
    """An instance in short, as administrators see it."""

    owner_id: str
    version_id: str
    attempts: Annotated[int, Field(description="Starts that failed one after another.")]
    quarantined_at: Annotated[datetime | None, Field(description="Since when nobody may start it.")]


class AnyInstance(Instance):
    """An instance, as administrators see it."""

    owner_id: str
    version_id: str
    due_at: Annotated[datetime, Field(description="When a worker should look at it next.")]
    quarantined_at: Annotated[datetime | None, Field(description="Since when nobody may start it.")]
    quarantined_by: Annotated[str | None, Field(description="The administrator who has set it apart.")]
    quarantine_reason: Annotated[str | None, Field(description="Why, as its owner may read.")]


class InstanceEvent(Reply):
    """Something that happened to an instance."""

    id: Annotated[str, Field(description="Also that of the event which says it.")]
    sequence: Annotated[
        Sequence | None, Field(description="Also the event's: of one instance the higher is later. Null for old ones.")
    ]
    kind: Annotated[
        str,
        Field(
            description="What changed: `desired_state`, `status`, `generation` or `quarantine`; or `reconciliation`, "
            "which an administrator has asked for."
        ),
    ]
    previous: str | None
    value: str
    reason: Reason
    actor: Annotated[
        str, Field(description="Who caused it: an account's id, perhaps with `/` and an API key's, or `system`.")
    ]
    message: Annotated[str, Field(description=_MESSAGE)]
    next: Annotated[str, Field(description=_NEXT)]
    at: datetime
