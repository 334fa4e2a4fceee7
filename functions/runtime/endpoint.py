"""The `@endpoint` decorator: turns a typed handler into a function that functions-framework serves.

The signature is the contract. Each parameter is filled by its type: a `Body` or `Query` model, a caller, a database
session, a cache (`functions/runtime/providers` has them all), or, by name, a value from the path. The transaction opens
here, commits when the handler returns, and rolls back when it raises, unless it raises an API error that `commits`.
API errors answer; anything else is a bug: a 500 with the trace in the log and nothing in the body.
"""

import inspect
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final, get_type_hints

import flask
from typing_extensions import TypeForm

from core import context
from functions.domain.api_errors import ApiError
from functions.runtime import idempotency, metrics, responses
from functions.runtime.declarations import MAX_BODY, Answer, Declaration, Later, Resources, summary_of
from functions.runtime.providers.base import Call, endpoint_providers, members
from functions.runtime.providers.body import JsonBody, discard_rest, leave_unread
from functions.runtime.providers.callers import Guard, OptionalGuard, Publisher, Staff, User
from functions.runtime.providers.databases import Session
from functions.runtime.providers.path import PathValue
from functions.runtime.providers.query import QueryParameters
from functions.runtime.routes import match
from functions.schemas.base import Reply, ValidateOnly

if TYPE_CHECKING:
    from functions.runtime.declarations import Handler, Returned
    from functions.runtime.protocols import Protocol

STANDARD: Final = (Guard, OptionalGuard, JsonBody, PathValue, QueryParameters, Session)
"""The providers of types from packages below, which must be imported here. Others come with their types."""

log = logging.getLogger(__name__)

Function = Callable[[flask.Request], flask.Response]

DECLARATION: Final = "declaration"
"""The attribute of a decorated function that holds its `Declaration`."""


def endpoint(
    method: str,
    path: str,
    *,
    status: int = 200,
    errors: tuple[type[ApiError], ...] = (),
    resources: Resources | None = None,
    max_body: int = MAX_BODY,
    prepare: Callable[..., object] | None = None,
    protocol: "Protocol | None" = None,
    audited: bool = True,
) -> "Callable[[Handler], Function]":
    """Declare a handler for `method` and `path`, such as `"GET", "/v1/agents/{slug}"`.

    `status` is that of success (201 for a POST that creates, which then takes an Idempotency-Key). `errors` are those
    that the handler itself may raise. `max_body` is in bytes. `prepare` does what takes time before the handler's
    transaction is open: it has parameters as a handler does, though no transaction that stays open, and what it returns
    is the handler's parameter of that type. With a `protocol` of others, API errors are answered as that says. What
    isn't `audited` has no entries of its changes in the audit trail: only what is said to an agent, and what is told by
    rows that are kept as well.
    """

    def decorate(handler: "Handler") -> Function:
        replies = _replies(get_type_hints(handler, include_extras=True)["return"])
        file = Path(inspect.getfile(handler))
        parameters = endpoint_providers(handler, path, prepare)
        guard = next((each for each in parameters if isinstance(each, Guard)), None)
        declaration = Declaration(
            name=file.stem,
            api=file.parent.name,
            file=file,
            handler=handler,
            summary=summary_of(handler.__module__),
            parameters=parameters,
            resources=resources or Resources(),
            method=method,
            path=path,
            status=status,
            reply=replies.usual,
            other_replies=replies.others,
            answers=replies.answers,
            streams=replies.streams,
            protocol=protocol,
            errors=errors,
            max_body=max_body,
            prepares=prepare is not None,
            audited=audited,
            is_guarded=guard is not None,
            is_watched=method == "GET" and guard is not None and guard.caller.is_watched,
        )
        _check_caller(declaration)
        return as_function(declaration, serve)

    return decorate


def _check_caller(declaration: Declaration) -> None:
    """Raise TypeError if an endpoint changes something for somebody with a role who needn't show a second factor."""
    guard = declaration.parameter(Guard)
    if guard is None or declaration.method == "GET":
        return
    if guard.caller.scope != User.scope and not issubclass(guard.caller, (Staff, Publisher)):
        message = f"{declaration.name} changes something, for which a {guard.caller.__name__} has proved too little"
        raise TypeError(message)


@dataclass(frozen=True)
class _Replies:
    """What a handler may return."""

    usual: object
    """The type of the usual reply; None if there is none."""
    others: tuple[type[Reply], ...]
    """The types of those that have a status of their own."""
    answers: tuple[type[Answer], ...]
    streams: bool


def _replies(annotation: TypeForm[object]) -> _Replies:
    """Return what a handler's return annotation says: a type, or a union of them."""
    kinds = [each for each in members(annotation) if isinstance(each, type)]
    others = tuple(each for each in kinds if issubclass(each, Reply) and each.http_status is not None)
    answers = tuple(each for each in kinds if issubclass(each, Answer))
    later = [each for each in kinds if issubclass(each, Later)]
    usual = [each for each in members(annotation) if each not in {*others, *answers, *later, type(None)}]
    if len(usual) > 1:
        message = f"of {usual} one is the usual reply, and the others have a status of their own"
        raise TypeError(message)
    return _Replies(usual[0] if usual else None, others, answers, any(each.streams for each in later))


def as_function(declaration: Declaration, run: Callable[[Declaration, flask.Request], flask.Response]) -> Function:
    """Return the plain function that functions-framework wants, with its declaration attached."""

    def function(request: flask.Request) -> flask.Response:
        return run(declaration, request)

    function.__name__ = function.__qualname__ = declaration.handler.__name__
    function.__module__ = declaration.handler.__module__
    function.__doc__ = declaration.handler.__doc__
    setattr(function, DECLARATION, declaration)
    return function


def declaration_of(function: object) -> Declaration:
    """Return the declaration of a decorated function."""
    declaration: Declaration = getattr(function, DECLARATION)
    return declaration


def serve(declaration: Declaration, request: flask.Request) -> flask.Response:
    """Answer one request: whatever happens, with a documented status and body."""
    started = perf_counter()
    leave_unread(request)
    with context.entered(context.Context.start(request.headers.get("traceparent"))):
        response = responses.guarded(declaration, request, lambda: _answer(declaration, request))
        discard_rest(request, declaration.max_body)
        return responses.finished(response, partial(_finish, declaration, request, started))


def _finish(declaration: Declaration, request: flask.Request, started: float, response: flask.Response) -> None:
    """Add what every response has, count it, and write it to the log."""
    response.headers["X-Request-Id"] = context.current().trace_id
    seconds = perf_counter() - started
    metrics.responses.observe(declaration.name, response.status_code, seconds)
    log.info(
        "%s %s %s",
        declaration.method,
        declaration.path,
        response.status_code,
        extra={
            "function": declaration.name,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 1),
            "actor": context.current().actor,
            "call_id": request.headers.get("X-Call-Id"),
        },
    )


def _answer(declaration: Declaration, request: flask.Request) -> flask.Response:
    _, path_values = match([declaration], request.method, request.path)
    if request.method == "OPTIONS":
        from functions.runtime import webhooks

        return webhooks.consent(declaration, request)
    stack = ExitStack()
    call = Call(declaration, request, stack, path_values)
    with call.audit.to_its_end(), stack:
        call.read()
        try:
            return _run(call)
        except ApiError as api_error:
            if not api_error.commits:
                raise
            call.audit.kept(api_error)
            # Answered from in here, so that the transaction ends as it does after success.
            return responses.refused(declaration, request, api_error)


def _run(call: Call) -> flask.Response:
    declaration, request = call.declaration, call.request
    honoured = takes_idempotency_key(declaration) and not _only_validates(call)
    first = idempotency.keyed(call.caller_id, declaration.name, request) if honoured else None
    if first is None:
        return responses.success(declaration, request, _handled(call))
    database = declaration.holds[0]
    if declaration.prepares:
        with call.short(database) as short:
            known = first.answer(short)
        if known is not None:
            return responses.replayed(declaration, known)
    call.arguments()
    answer = first.once(call.session(database), lambda: responses.text_of(_handled(call)))
    return responses.replayed(declaration, answer)


def _handled(call: Call) -> "Returned | None":
    """Have the handler answer, and what it has done entered in the audit trail."""
    reply = call.declaration.handler(**call.arguments())
    if not _only_validates(call):
        call.audit.replied(reply)
    return reply


def _only_validates(call: Call) -> bool:
    """Return whether nothing is to change, so that nothing can happen twice either."""
    query = call.declaration.parameter(QueryParameters)
    asked = None if query is None else call.value(query)
    return isinstance(asked, ValidateOnly) and asked.validate_only


def takes_idempotency_key(declaration: Declaration) -> bool:
    """Return whether an endpoint honours Idempotency-Key: every POST that creates for a caller in one transaction."""
    created = declaration.method == "POST" and declaration.status == HTTPStatus.CREATED
    return created and declaration.parameter(Guard) is not None and bool(declaration.holds)
