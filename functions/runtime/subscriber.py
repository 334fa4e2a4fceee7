"""The `@subscriber` decorator: turns a typed handler of an event into a function that functions-framework serves.

The inbox row and the effect are one transaction, so a second delivery is a no-op. What is answered means the same on
every platform: 200 handled, or handled before; 503 not now, deliver it again; 422 poison, never; 500 a bug, try again
and then give up. What isn't signed for this very function, by the dispatcher or whoever else it names, is a 401. One
that takes batches handles all events of a call in one transaction, or none of them.
"""

import inspect
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import ClassVar, Final, overload

import flask
from pydantic import ValidationError
from sqlalchemy import Connection
from typing_extensions import override

from core import context
from core.configuration import DELIVERY_KEYS
from events import inbox, signing
from events.wire import (
    BATCH_CONTENT_TYPE,
    CONTENT_TYPE,
    MAX_EVENT_BYTES,
    CloudEvent,
    NotAnEventError,
    decode,
    decode_batch,
)
from functions.domain.api_errors import ApiError, Invalid, Malformed, TooLarge, Unauthenticated, Unavailable
from functions.runtime import metrics
from functions.runtime.databases import transaction
from functions.runtime.declarations import Declaration, Resources, summary_of
from functions.runtime.endpoint import Function, as_function
from functions.runtime.event_bodies import whole
from functions.runtime.providers.base import Call, providers
from functions.runtime.providers.body import read_body
from functions.runtime.providers.databases import Session
from functions.runtime.providers.event import EventBatch, EventData, events_of, types_of
from functions.runtime.responses import error_response, internal_error, problem_response
from functions.runtime.strict_json import NotStrictJsonError, check_json

STANDARD: Final = (EventBatch, EventData, Session)
"""The providers of types from packages below, which must be imported here. Others come with their types."""

log = logging.getLogger(__name__)

Handler = Callable[..., None]

ALL: Final = "#"
"""The binding of a subscriber that receives every event: its parameter is a `CloudEvent`."""


_keys: Final = cache(signing.Keys)
"""Those of a secret, by its name."""


class EventSourceUnexpected(Invalid):
    """Botberi alone says events of this type, and this one is from elsewhere."""


class NotSigned(Unauthenticated):
    """Only the platform delivers events, and this is not signed by it."""

    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Signature realm="botberi"'}


class NotAnEvent(Invalid):
    """The body is no CloudEvent."""


@overload
def subscriber(handler: Handler) -> Function: ...


@overload
def subscriber(
    *, resources: Resources = ..., schedule: str = ..., timezone: str = ..., signing_keys: str = ...
) -> Callable[[Handler], Function]: ...


def subscriber(
    handler: Handler | None = None,
    *,
    resources: Resources | None = None,
    schedule: str = "",
    timezone: str = "UTC",
    signing_keys: str = DELIVERY_KEYS,
) -> Function | Callable[[Handler], Function]:
    """Declare a handler of the event type, or the union of event types, that its first parameter has.

    A first parameter of the type `CloudEvent` receives every event, one of the type `OwnedEvent` those that belong to
    somebody, whose source the handler checks. A `Sequence` of either receives several by one call, those that were
    handled before left out, in the order of each subject. Further parameters: `CloudEvent` for the envelope,
    `UserDb` or `SharedDb` for the transaction that holds the inbox row too, `Cache`. Without a database, or with
    `SharedTransactions`, there is no inbox: the effect must bear being repeated. With `resources` it is written
    `@subscriber(resources=Resources(…))`.

    With a `schedule`, such as `"*/5 * * * *"`, the dispatcher emits the event at every slot of it in the IANA time zone
    `timezone`. The event is of a type of the schedule's own, with the fields `schedule` and `slot` and no other.

    `signing_keys` names another secret than the dispatcher's: then a part with these keys calls it, and nobody else.
    Its parameter is a `CloudEvent` of whatever type, which it has to check itself, and there is no inbox.
    """
    if handler is None:
        return lambda handler: _declared(handler, resources or Resources(), schedule, timezone, signing_keys)
    return _declared(handler, resources or Resources(), schedule, timezone, signing_keys)


def _declared(handler: Handler, resources: Resources, schedule: str, timezone: str, signing_keys: str) -> Function:
    parameters = providers(handler, subscribers=True)
    file = Path(inspect.getfile(handler))
    events = events_of(parameters[0].annotation)
    if schedule and [set(event.model_fields) for event in events] != [{"schedule", "slot"}]:
        message = f"{file.stem} has a schedule: it receives one event type, with the fields schedule and slot"
        raise TypeError(message)
    declaration = Declaration(
        name=file.stem,
        api=file.parent.name,
        file=file,
        handler=handler,
        summary=summary_of(handler.__module__),
        parameters=parameters,
        resources=resources,
        max_body=MAX_EVENT_BYTES,
        event_types=types_of(parameters[0].annotation) or ((ALL,) if signing_keys == DELIVERY_KEYS else ()),
        signing_keys=signing_keys,
        schedule=schedule,
        timezone=timezone,
    )
    return as_function(declaration, receive)


def receive(declaration: Declaration, request: flask.Request) -> flask.Response:
    """Answer one delivery."""
    started = perf_counter()
    try:
        events = read_events(declaration, request)
    except ApiError as api_error:
        log.warning("%s: %s", api_error.code, api_error.detail, extra={"function": declaration.name})
        response = error_response(api_error)
        metrics.responses.observe(declaration.name, response.status_code, perf_counter() - started)
        return response
    with context.entered(_context_of(events)):
        response = _outcome(declaration, request, events)
        seconds = perf_counter() - started
        metrics.responses.observe(declaration.name, response.status_code, seconds)
        log.info(
            "%s %s",
            " ".join(sorted({each.type for each in events})),
            response.status_code,
            extra={
                "function": declaration.name,
                **_named(events),
                "status": response.status_code,
                "duration_ms": round(seconds * 1000, 1),
                "call_id": request.headers.get("X-Call-Id"),
            },
        )
    return response


def _named(events: Sequence[CloudEvent]) -> dict[str, object]:
    """Return what a line of the log says of the events that it is about."""
    if len(events) == 1:
        return {"event_id": events[0].id, "subject": events[0].subject}
    return {"event_ids": [each.id for each in events], "subjects": sorted({each.subject for each in events})}


def _outcome(declaration: Declaration, request: flask.Request, events: Sequence[CloudEvent]) -> flask.Response:
    if declaration.event_types not in ((), (ALL,)):
        for unexpected in {each.type for each in events} - set(declaration.event_types):
            return problem_response(422, "event_type_unexpected", f"{declaration.name} does not handle {unexpected}.")
    try:
        for each in events:
            _check_source(declaration, each)
        _handle(declaration, request, [whole(each, declaration.api) for each in events])
    except ValidationError as error:
        log.warning("poison: %s", error, extra={"function": declaration.name, **_named(events)})
        return problem_response(422, "event_data_invalid", "The data does not fit the event's schema.")
    except Unavailable as api_error:
        return error_response(api_error)
    except ApiError as api_error:
        log.warning("poison: %s", api_error, extra={"function": declaration.name, **_named(events)})
        return problem_response(422, api_error.code, api_error.detail)
    except Exception:
        log.exception("bug in %s", declaration.name)
        return internal_error()
    return flask.Response(status=200)


def _check_source(declaration: Declaration, event: CloudEvent) -> None:
    """Raise EventSourceUnexpected unless the event is from a source that its type trusts."""
    told = (each for each in declaration.parameters if isinstance(each, EventData))
    if not all(each.events[event.type].is_trusted(event.source) for each in told if event.type in each.events):
        raise EventSourceUnexpected


class Delivery(Call):
    """Events on their way into a handler. The inbox rows are in the first transaction that opens on each database."""

    def __init__(
        self, declaration: Declaration, request: flask.Request, stack: ExitStack, events: Sequence[CloudEvent]
    ) -> None:
        """Take the events with their data."""
        super().__init__(declaration, request, stack)
        self.events = events

    @override
    def session(self, database: str) -> Connection:
        """Return the delivery's transaction on a database. Raises HandledBeforeError if all events are in its inbox."""
        if database not in self._sessions:
            db = self._sessions[database] = self.stack.enter_context(transaction(database, self.declaration.api))
            if self.declaration.event_types:
                self._accept(db)
        return self._sessions[database]

    def _accept(self, db: Connection) -> None:
        self.events = inbox.accept(db, self.declaration.name, self.events)
        if not self.events:
            raise HandledBeforeError


class HandledBeforeError(Exception):
    """The subscriber has handled all of the events before."""


def _handle(declaration: Declaration, request: flask.Request, events: Sequence[CloudEvent]) -> None:
    with suppress(HandledBeforeError), ExitStack() as stack:
        declaration.handler(**Delivery(declaration, request, stack, events).arguments())


def _context_of(events: Sequence[CloudEvent]) -> context.Context:
    if len(events) > 1:
        # Each was caused by something else.
        return context.Context.start(None)
    [event] = events
    return context.Context.start(
        event.extension("traceparent"),
        actor=event.extension("actor"),
        correlation_id=event.extension("correlationid"),
        causation_id=event.id,
    )


def read_events(declaration: Declaration, request: flask.Request) -> Sequence[CloudEvent]:
    """Read the CloudEvent, or the batch of them, that was signed for the function; refuse whatever isn't."""
    try:
        body = read_body(request, declaration.max_body)
    except TooLarge as error:
        raise NotAnEvent(error.detail) from None
    except Malformed:
        raise Unavailable("The event did not arrive whole: deliver it again.") from None
    try:
        headers = {name: request.headers.get(name, "") for name in signing.HEADERS}
        signing.verify(_keys(declaration.signing_keys).current(), declaration.deployment, headers, body)
    except signing.NotSignedError as error:
        raise NotSigned(f"Only the platform delivers events: {error}.") from None
    # Only what is in the body is signed: an event whose attributes are headers is none here.
    batched = request.mimetype == BATCH_CONTENT_TYPE and declaration.parameter(EventBatch) is not None
    if request.mimetype != CONTENT_TYPE and not batched:
        raise NotAnEvent(f"The request is no CloudEvent: expected Content-Type {CONTENT_TYPE}.")
    try:
        check_json(body)
        return decode_batch(body) if batched else [decode(body)]
    except NotStrictJsonError as error:
        raise NotAnEvent(f"The body is not JSON: {error}.") from None
    except NotAnEventError as error:
        raise NotAnEvent(str(error)) from None
