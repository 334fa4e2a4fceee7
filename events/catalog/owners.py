"""Whose an event is: the account that its data names, if Botberi itself says it."""

from collections.abc import Mapping
from functools import cache
from typing import Final, NewType

from events.catalog.load import load
from events.event import Event
from events.wire import CloudEvent

OWNERS: Final = ("owner_id", "account_id")
"""The fields of an event's data that name the account whose event it is."""

OwnedEvent = NewType("OwnedEvent", CloudEvent)
"""An event of a type that belongs to somebody."""


@cache
def owned_types() -> frozenset[str]:
    """Return the event types that belong to somebody. What others publish does not: they could name anybody."""
    return frozenset(
        name for name, model in _catalog().items() if model.scope is None and set(OWNERS) & set(model.model_fields)
    )


def is_ours(event_type: str, source: str) -> bool:
    """Return whether Botberi itself says events of this type, and has said this one."""
    model = _catalog().get(event_type)
    return model is not None and model.scope is None and model.is_trusted(source)


def owner_of(event_type: str, source: str, data: Mapping[str, object]) -> str | None:
    """Return the account that may see an event, besides administrators; None if it is nobody's."""
    if event_type not in owned_types() or not is_ours(event_type, source):
        return None
    owners = (data.get(name) for name in OWNERS)
    return next((str(owner) for owner in owners if owner), None)


@cache
def _catalog() -> dict[str, type[Event]]:
    return load()
