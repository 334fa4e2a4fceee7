"""The event that a subscriber is called with: as a type of the catalog, or in its envelope."""

from collections.abc import Sequence
from typing import ClassVar, get_args, get_origin

from typing_extensions import TypeForm, override

from events.catalog.owners import OwnedEvent, owned_types
from events.event import Event
from events.wire import CloudEvent
from functions.domain.api_errors import Invalid
from functions.runtime.providers.base import NEW, Call, Parameter, Provider, members
from functions.schemas.base import nul_characters


class NulCharacter(Invalid):
    """The event's data holds the character U+0000, which can't be kept."""


class EventData(Provider):
    """Fills a parameter that is a `CloudEvent`, one with an owner, an event type of the catalog, or a union of some."""

    in_endpoints = False
    in_subscribers = True

    def __init__(self, parameter: Parameter) -> None:
        """Find the event types in the parameter's type."""
        super().__init__(parameter)
        self.events = {event.type: event for event in events_of(parameter.annotation)}
        """The event types by name; empty if the parameter takes the envelope."""

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether a parameter's type is that of events."""
        return parameter.annotation in (CloudEvent, OwnedEvent) or bool(events_of(parameter.annotation))

    @override
    def value(self, call: Call) -> CloudEvent | Event:
        """Return the event, or its data as the model of its type. Raises NulCharacter and ValidationError."""
        [event] = _storable(call)
        return self.events[event.type].read(event.data) if self.events else event


class EventBatch(Provider):
    """Fills a parameter that is a sequence of `CloudEvent`, or of such with an owner: several come by one call."""

    types: ClassVar[tuple[TypeForm[object], ...]] = (Sequence[CloudEvent], Sequence[OwnedEvent])
    stage = NEW
    in_endpoints = False
    in_subscribers = True

    @override
    def value(self, call: Call) -> Sequence[CloudEvent]:
        """Return the events that weren't handled before, in their order. Raises NulCharacter."""
        return _storable(call)


def _storable(call: Call) -> Sequence[CloudEvent]:
    if any(any(nul_characters(each.data)) for each in call.events):
        raise NulCharacter
    return call.events


def events_of(annotation: object) -> tuple[type[Event], ...]:
    """Return the event types in a parameter's type: one, those of a union, or none for an envelope."""
    return tuple(each for each in members(annotation) if isinstance(each, type) and issubclass(each, Event))


def types_of(annotation: object) -> tuple[str, ...]:
    """Return the names of the event types that a parameter's type lets in; none if it lets in every event."""
    if get_origin(annotation) is Sequence:
        [annotation] = get_args(annotation)
    if annotation is OwnedEvent:
        return tuple(sorted(owned_types()))
    return tuple(event.type for event in events_of(annotation))
