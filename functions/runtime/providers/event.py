"""The event that a subscriber is called with: as a type of the catalog, or in its envelope."""

from types import UnionType
from typing import Union, get_args, get_origin

from typing_extensions import override

from events.event import Event
from events.wire import CloudEvent
from functions.domain.api_errors import Invalid
from functions.runtime.providers.base import Call, Parameter, Provider
from functions.schemas.base import nul_characters


class NulCharacter(Invalid):
    """The event's data holds the character U+0000, which can't be kept."""


class EventData(Provider):
    """A `CloudEvent`, an event type of the catalog, or a union of event types."""

    in_endpoints = False
    in_subscribers = True

    def __init__(self, parameter: Parameter) -> None:
        """Take the event types from the parameter's type."""
        super().__init__(parameter)
        self.events = {event.type: event for event in events_of(parameter.annotation)}
        """By their names; none if it takes every event."""

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Take events."""
        return parameter.annotation is CloudEvent or bool(events_of(parameter.annotation))

    @override
    def value(self, call: Call) -> CloudEvent | Event:
        """Return the event, or its data as the model of its type. Raises pydantic's ValidationError."""
        if any(nul_characters(call.event.data)):
            raise NulCharacter
        return self.events[call.event.type].read(call.event.data) if self.events else call.event


def events_of(annotation: object) -> tuple[type[Event], ...]:
    """Return the event types that a parameter takes: one, those of a union, or none for a `CloudEvent`."""
    types = get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)
    return tuple(each for each in types if isinstance(each, type) and issubclass(each, Event))
