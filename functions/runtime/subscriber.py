"""The `@subscriber` decorator: turns a typed handler of an event into a function that functions-framework serves.

The inbox row and the effect are one transaction, so a second delivery is a no-op. What is answered means the same to
every sender: 200 handled, or handled before; 503 not now, deliver it again; 422 poison, never; 500 a bug, try again and
then give up.
"""

import inspect
import logging
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints, overload

import flask
from pydantic import ValidationError

from events import context, inbox
from events.event import Event
from events.wire import CONTENT_TYPE, MAX_EVENT_BYTES, CloudEvent, NotAnEventError, decode, from_attributes
from functions.domain.databases import SharedDb, UserDb
from functions.domain.refusals import Invalid, Malformed, Refusal, TooLarge, Unavailable
from functions.runtime import metrics
from functions.runtime.answers import bug, problem_response, refused
from functions.runtime.databases import shared_transaction, user_transaction
from functions.runtime.declarations import Declaration, Needs, Parameter, summary_of
from functions.runtime.endpoint import Function, as_function
from functions.runtime.event_bodies import whole
from functions.runtime.inputs import read_body
from functions.runtime.shapes import nul_characters
from functions.runtime.strict_json import NotStrictJsonError, check_json

log = logging.getLogger(__name__)

Handler = Callable[..., None]

ALL: Final = "#"
"""The binding of a subscriber that hears every event: its parameter is a `CloudEvent`."""


class EventSourceUnexpected(Invalid):
    """Botberi alone says events of this type, and this one is from elsewhere."""


class NulCharacter(Invalid):
    """The event's data holds the character U+0000, which can't be kept."""


@overload
def subscriber(handler: Handler) -> Function: ...


@overload
def subscriber(*, needs: Needs = ..., schedule: str = ..., timezone: str = ...) -> Callable[[Handler], Function]: ...


def subscriber(
    handler: Handler | None = None, *, needs: Needs | None = None, schedule: str = "", timezone: str = "UTC"
) -> Function | Callable[[Handler], Function]:
    """Declare a handler of the event type, or the union of event types, that its first parameter has.

    A first parameter of the type `CloudEvent` hears every event. Further parameters: `CloudEvent` for the envelope,
    `UserDb` or `SharedDb` for the transaction that holds the inbox row too, `Cache`. Without a database there is no
    inbox: the effect must bear being repeated. With `needs` it is written `@subscriber(needs=Needs(…))`.

    With a `schedule`, such as `"*/5 * * * *"`, the dispatcher emits the event at every slot of it in the IANA time zone
    `timezone`. The event is of a type of the schedule's own, with the fields `schedule` and `slot` and no other.
    """
    if handler is None:
        return lambda handler: _declared(handler, needs or Needs(), schedule, timezone)
    return _declared(handler, needs or Needs(), schedule, timezone)


def _declared(handler: Handler, needs: Needs, schedule: str, timezone: str) -> Function:
    hints = get_type_hints(handler)
    names = list(inspect.signature(handler).parameters)
    file = Path(inspect.getfile(handler))
    events = events_of(hints[names[0]])
    if schedule and [set(event.model_fields) for event in events] != [{"schedule", "slot"}]:
        message = f"{file.stem} has a schedule: it hears one event type, with the fields schedule and slot"
        raise TypeError(message)
    declaration = Declaration(
        name=file.stem,
        surface=file.parent.name,
        file=file,
        handler=handler,
        summary=summary_of(handler.__module__),
        parameters=tuple(_parameter(name, hints[name]) for name in names),
        needs=needs,
        max_body=MAX_EVENT_BYTES,
        event_types=tuple(event.type for event in events) or (ALL,),
        schedule=schedule,
        timezone=timezone,
    )
    return as_function(declaration, receive)


def events_of(annotation: Any) -> tuple[type[Event], ...]:  # noqa: ANN401 - a type of any kind
    """Return the event types that a parameter takes: one, those of a union, or none for a `CloudEvent`."""
    types = get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)
    return tuple(each for each in types if isinstance(each, type) and issubclass(each, Event))


def _parameter(name: str, annotation: Any) -> Parameter:  # noqa: ANN401 - a type of any kind
    if annotation in (UserDb, SharedDb):
        return Parameter(name, annotation, "database")
    if getattr(annotation, "__name__", "") == "Cache":
        return Parameter(name, annotation, "cache")
    if annotation is CloudEvent or events_of(annotation):
        return Parameter(name, annotation, "event")
    message = f"the parameter {name!r} has the type {annotation!r}, which nothing fills"
    raise TypeError(message)


def receive(declaration: Declaration, request: flask.Request) -> flask.Response:
    """Answer one delivery."""
    started = perf_counter()
    try:
        event = read_event(request, declaration.max_body)
    except (NotAnEventError, TooLarge) as error:
        log.warning("poison: %s", error, extra={"function": declaration.name})
        metrics.answers.observe(declaration.name, HTTPStatus.UNPROCESSABLE_ENTITY, perf_counter() - started)
        return problem_response(422, "not_an_event", str(error))
    except Malformed:
        return refused(Unavailable("The event did not arrive whole: deliver it again."))
    with context.entered(_context_of(event)):
        response = _outcome(declaration, event)
        seconds = perf_counter() - started
        metrics.answers.observe(declaration.name, response.status_code, seconds)
        log.info(
            "%s %s",
            event.type,
            response.status_code,
            extra={
                "function": declaration.name,
                "event_id": event.id,
                "subject": event.subject,
                "status": response.status_code,
                "duration_ms": round(seconds * 1000, 1),
                "call_id": request.headers.get("X-Call-Id"),
            },
        )
    return response


def _outcome(declaration: Declaration, event: CloudEvent) -> flask.Response:
    if declaration.event_types != (ALL,) and event.type not in declaration.event_types:
        return problem_response(422, "event_type_unexpected", f"{declaration.name} does not handle {event.type}.")
    try:
        _check_source(declaration, event)
        _handle(declaration, whole(event, declaration.surface))
    except ValidationError as error:
        log.warning("poison: %s", error, extra={"function": declaration.name, "event_id": event.id})
        return problem_response(422, "event_data_invalid", "The data does not fit the event's schema.")
    except Unavailable as refusal:
        return refused(refusal)
    except Refusal as refusal:
        log.warning("poison: %s", refusal, extra={"function": declaration.name, "event_id": event.id})
        return problem_response(422, refusal.code, refusal.detail)
    except Exception:
        log.exception("bug in %s", declaration.name)
        return bug()
    return flask.Response(status=200)


def _check_source(declaration: Declaration, event: CloudEvent) -> None:
    """Refuse an event that isn't from who says events of its type, as the type declares it."""
    models = [each for parameter in declaration.parameters for each in events_of(parameter.annotation)]
    if not all(each.is_believed(event.source) for each in models if each.type == event.type):
        raise EventSourceUnexpected


def _handle(declaration: Declaration, event: CloudEvent) -> None:
    with ExitStack() as stack:
        arguments: dict[str, Any] = {}
        for parameter in declaration.parameters:
            match parameter.source:
                case "event" if any(nul_characters(event.data)):
                    raise NulCharacter
                case "event" if parameter.annotation is CloudEvent:
                    arguments[parameter.name] = event
                case "event":
                    model = next(each for each in events_of(parameter.annotation) if each.type == event.type)
                    arguments[parameter.name] = model.read(event.data)
                case "cache":
                    from functions.runtime.cache import connect  # noqa: PLC0415 - redis is slow to import

                    arguments[parameter.name] = connect()
                case _:
                    begin = user_transaction if parameter.annotation is UserDb else shared_transaction
                    db = stack.enter_context(begin(declaration.surface))
                    if not inbox.accept(db, subscriber=declaration.name, source=event.source, event_id=event.id):
                        return
                    arguments[parameter.name] = db
        declaration.handler(**arguments)


def _context_of(event: CloudEvent) -> context.Context:
    return context.Context.start(
        event.extension("traceparent"),
        actor=event.extension("actor"),
        correlation_id=event.extension("correlationid"),
        causation_id=event.id,
    )


def read_event(request: flask.Request, limit: int) -> CloudEvent:
    """Read a CloudEvent from a request, structured or binary, or raise `NotAnEventError` or `TooLarge`."""
    body = read_body(request, limit)
    try:
        check_json(body)
    except NotStrictJsonError as error:
        message = f"the body is not JSON: {error}"
        raise NotAnEventError(message) from None
    if request.mimetype == CONTENT_TYPE:
        return decode(body)
    attributes: dict[str, Any] = {
        name.lower().removeprefix("ce-"): value for name, value in request.headers if name.lower().startswith("ce-")
    }
    if not attributes:
        message = f"the request is no CloudEvent: expected Content-Type {CONTENT_TYPE}, or ce- headers"
        raise NotAnEventError(message)
    attributes["data"] = flask.json.loads(body)
    return from_attributes(attributes)
