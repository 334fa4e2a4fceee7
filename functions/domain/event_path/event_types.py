"""The event types of the catalog, as callers see them."""

from dataclasses import dataclass

from events import envelope, subscriptions
from events.catalog.load import load
from events.contracts import contracts
from events.event import Event
from functions.domain.api_errors import NotFound


class EventTypeUnknown(NotFound):
    """The catalog has no such event type: GET /v1/event-types lists those that there are."""


@dataclass(frozen=True)
class Description:
    """An event type: what it means, who produces it, its schema and its example."""

    type: str
    description: str
    source: str
    scope: str | None
    subject_field: str
    queues: list[str]
    dataschema: str
    data_schema: dict[str, object]
    example: dict[str, object]


def described(after: str | None, limit: int) -> list[Description]:
    """Return event types in the order of their names, behind the name `after`."""
    names = [name for name in load() if after is None or name > after]
    return [describe(name) for name in names[:limit]]


def describe(name: str) -> Description:
    """Return an event type. Raises EventTypeUnknown."""
    model = find(name)
    return Description(
        type=name,
        description=" ".join((model.__doc__ or "").split()),
        source=contracts.source(model),
        scope=model.scope,
        subject_field=model.subject_field,
        queues=subscriptions.queues_for(name),
        dataschema=envelope.schema_path(name),
        data_schema=contracts.schema(model),
        example=contracts.example(model),
    )


def find(name: str) -> type[Event]:
    """Return the model of an event type. Raises EventTypeUnknown."""
    model = load().get(name)
    if model is None:
        raise EventTypeUnknown
    return model
