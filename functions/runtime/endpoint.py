"""The `@endpoint` decorator: turns a typed handler into a function that functions-framework serves.

The signature is the contract. Each parameter is filled by its type: a `Body` or `Query` model, a caller, a database
session, a cache, or, by name, a value from the path. The transaction opens here, commits when the handler returns, and
rolls back when it raises. Refusals answer; anything else is a bug: a 500 with the trace in the log and nothing in the
body.
"""

import inspect
import logging
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import Any, Final, get_origin, get_type_hints

import flask
from pydantic import TypeAdapter, ValidationError

from events import context
from functions.domain.databases import SharedDb, UserDb
from functions.domain.refusals import (
    FieldError,
    Invalid,
    Malformed,
    NotFound,
    PreconditionRequired,
    Refusal,
    TooLarge,
    UnsupportedMediaType,
)
from functions.runtime import idempotency, problems
from functions.runtime.callers import User, bearer, check_session
from functions.runtime.databases import shared_transaction, user_transaction
from functions.runtime.declarations import Declaration, Needs, Parameter, path_parameters, summary_of
from functions.runtime.routes import match
from functions.runtime.shapes import (
    Body,
    Cached,
    IfMatch,
    Query,
    Reply,
    SharedTransactions,
    UserTransactions,
    pointer,
)

log = logging.getLogger(__name__)

Function = Callable[[flask.Request], flask.Response]

DECLARATION: Final = "declaration"
"""The attribute of a decorated function that holds its `Declaration`."""


def endpoint(  # noqa: PLR0913 - each is a fact about the endpoint, given by name
    method: str,
    path: str,
    *,
    status: int = 200,
    refusals: tuple[type[Refusal], ...] = (),
    needs: Needs | None = None,
    max_body: int = 64 * 1024,
) -> Callable[[Callable[..., Any]], Function]:
    """Declare a handler for `method` and `path`, such as `"GET", "/v1/agents/{slug}"`.

    `status` is that of success (201 for a POST that creates, which then takes an Idempotency-Key). `refusals` are those
    that the handler itself may raise. `max_body` is in bytes.
    """

    def decorate(handler: Callable[..., Any]) -> Function:
        hints = get_type_hints(handler, include_extras=True)
        names = list(inspect.signature(handler).parameters)
        file = Path(inspect.getfile(handler))
        declaration = Declaration(
            name=file.stem,
            surface=file.parent.name,
            file=file,
            handler=handler,
            summary=summary_of(handler.__module__),
            parameters=tuple(_parameter(name, hints[name], path) for name in names),
            needs=needs or Needs(),
            method=method,
            path=path,
            status=status,
            reply=None if hints["return"] is type(None) else hints["return"],
            refusals=refusals,
            max_body=max_body,
        )

        def function(request: flask.Request) -> flask.Response:
            return serve(declaration, request)

        function.__name__ = function.__qualname__ = handler.__name__
        function.__module__ = handler.__module__
        function.__doc__ = handler.__doc__
        setattr(function, DECLARATION, declaration)
        return function

    return decorate


def declaration_of(function: object) -> Declaration:
    """Return what a decorated function declares."""
    declaration = getattr(function, DECLARATION)
    assert isinstance(declaration, Declaration)
    return declaration


_SOURCES: Final[tuple[tuple[type, str], ...]] = (
    (Body, "body"),
    (Query, "query"),
    (User, "caller"),
    (UserTransactions, "transactions"),
    (SharedTransactions, "transactions"),
)


def _parameter(name: str, annotation: Any, path: str) -> Parameter:  # noqa: ANN401 - a type of any kind
    if name in path_parameters(path):
        return Parameter(name, annotation, "path")
    if annotation in (UserDb, SharedDb):
        return Parameter(name, annotation, "database")
    if annotation is IfMatch:
        return Parameter(name, annotation, "header")
    kind = get_origin(annotation) or annotation
    for base, source in _SOURCES:
        if isinstance(kind, type) and issubclass(kind, base):
            return Parameter(name, annotation, source)
    if getattr(annotation, "__name__", "") == "Cache":
        return Parameter(name, annotation, "cache")
    message = f"the parameter {name!r} has the type {annotation!r}, which nothing fills"
    raise TypeError(message)


def serve(declaration: Declaration, request: flask.Request) -> flask.Response:
    """Answer one request: whatever happens, with a documented status and body."""
    started = perf_counter()
    with context.entered(context.Context.start(request.headers.get("traceparent"))):
        try:
            response = _answer(declaration, request)
        except Refusal as refusal:
            response = refused(refusal)
        except Exception:
            log.exception("bug in %s", declaration.name)
            response = bug()
        response.headers["X-Request-Id"] = context.current().trace_id
        log.info(
            "%s %s %s",
            declaration.method,
            declaration.path,
            response.status_code,
            extra={
                "function": declaration.name,
                "status": response.status_code,
                "duration_ms": round((perf_counter() - started) * 1000, 1),
                "actor": context.current().actor,
                "call_id": request.headers.get("X-Call-Id"),
            },
        )
    return response


def _answer(declaration: Declaration, request: flask.Request) -> flask.Response:
    _, values = match([declaration], request.method, request.path)
    with ExitStack() as stack:
        call = _Call(declaration, request, stack, values)
        call.check_caller()
        call.fill()
        run = call.run
        key = request.headers.get("Idempotency-Key")
        if key is not None and call.takes_idempotency_key:
            assert call.caller is not None
            fingerprint = idempotency.fingerprint(declaration.name, request.full_path, request.get_data())
            saved = idempotency.once(call.database(), call.caller.id, key, fingerprint, run)
            return _json(saved, declaration.status)
        return _rendered(declaration, request, run())


class _Call:
    """One request on its way into the handler."""

    def __init__(
        self, declaration: Declaration, request: flask.Request, stack: ExitStack, path_values: dict[str, str]
    ) -> None:
        self.path_values = path_values
        self.declaration = declaration
        self.request = request
        self.stack = stack
        self.caller: User | None = None
        self.open: dict[str, Any] = {}
        self.arguments: dict[str, Any] = {}

    @property
    def takes_idempotency_key(self) -> bool:
        return takes_idempotency_key(self.declaration)

    def check_caller(self) -> None:
        parameter = self.declaration.parameter("caller")
        if parameter is None:
            return
        claims = bearer(self.request.headers.get("Authorization"))
        context.act_as(str(claims["sub"]))
        self.caller = parameter.annotation.of(claims)
        self._check_session(self.caller)

    def _check_session(self, caller: User) -> None:
        kinds = {parameter.annotation for parameter in self.declaration.parameters}
        role = self.declaration.surface
        if UserDb in kinds:
            check_session(caller, user=self._session(UserDb), shared=None)
        elif SharedDb in kinds:
            check_session(caller, user=None, shared=self._session(SharedDb))
        elif UserTransactions in kinds:
            with user_transaction(role) as user:
                check_session(caller, user=user, shared=None)
        else:
            with shared_transaction(role) as shared:
                check_session(caller, user=None, shared=shared)

    def database(self) -> Any:  # noqa: ANN401 - either of the two
        parameter = self.declaration.parameter("database")
        assert parameter is not None
        return self._session(parameter.annotation)

    def _session(self, kind: Any) -> Any:  # noqa: ANN401 - either of the two
        key = kind.__name__
        if key not in self.open:
            begin = user_transaction if kind is UserDb else shared_transaction
            self.open[key] = self.stack.enter_context(begin(self.declaration.surface))
        return self.open[key]

    def fill(self) -> None:
        self._refuse_stray_query()
        late = ("database", "transactions", "cache")
        for parameter in sorted(self.declaration.parameters, key=lambda each: each.source in late):
            self.arguments[parameter.name] = self._value(parameter)

    def run(self) -> Any:  # noqa: ANN401 - whatever the handler returns
        return self.declaration.handler(**self.arguments)

    def _value(self, parameter: Parameter) -> Any:  # noqa: ANN401 - whatever the parameter takes
        match parameter.source:
            case "path":
                return self._path_value(parameter)
            case "query":
                return _validated(parameter.annotation, self._query(), where="query")
            case "body":
                return _validated(parameter.annotation, self._body(), where="body")
            case "caller":
                return self.caller
            case "header":
                return self._if_match()
            case "database":
                return self._session(parameter.annotation)
            case "transactions":
                role = self.declaration.surface
                begin = user_transaction if parameter.annotation is UserTransactions else shared_transaction
                return parameter.annotation(lambda: begin(role))
            case _:
                from functions.runtime.cache import connect  # noqa: PLC0415 - redis is slow to import

                return connect()

    def _path_value(self, parameter: Parameter) -> Any:  # noqa: ANN401 - whatever the parameter takes
        try:
            return TypeAdapter(parameter.annotation).validate_python(self.path_values[parameter.name])
        except ValidationError:
            raise NotFound from None

    def _refuse_stray_query(self) -> None:
        if self.declaration.parameter("query") is None and self.request.args:
            errors = [FieldError(f"?{name}", "unknown", "There is no such parameter.") for name in self.request.args]
            raise Invalid(errors=errors)

    def _query(self) -> dict[str, Any]:
        repeated = [name for name, values in self.request.args.lists() if len(values) > 1]
        if repeated:
            errors = [FieldError(f"?{name}", "repeated", "Give this parameter once.") for name in repeated]
            raise Invalid(errors=errors)
        return dict(self.request.args)

    def _body(self) -> bytes:
        if self.request.mimetype != "application/json":
            raise UnsupportedMediaType
        return read_body(self.request, self.declaration.max_body)

    def _if_match(self) -> IfMatch:
        header = self.request.headers.get("If-Match")
        if header is None:
            raise PreconditionRequired
        return IfMatch(header.strip().removeprefix("W/").strip('"'))


def takes_idempotency_key(declaration: Declaration) -> bool:
    """Tell whether an endpoint honours Idempotency-Key: every POST that creates for a caller in one transaction."""
    created = declaration.method == "POST" and declaration.status == HTTPStatus.CREATED
    return created and all(declaration.parameter(source) for source in ("caller", "database"))


def read_body(request: flask.Request, limit: int) -> bytes:
    """Return the body, or refuse one over `limit` bytes without reading more of it; its length may be unknown."""
    if (request.content_length or 0) > limit:
        raise TooLarge
    body = request.stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge
    request._cached_data = body  # noqa: SLF001 - the framework asks for the data again after the answer
    return body


def _validated(model: type[Body | Query], given: bytes | dict[str, Any], *, where: str) -> Any:  # noqa: ANN401
    try:
        if isinstance(given, bytes):
            return model.model_validate_json(given)
        return model.model_validate(given)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise Malformed(f"The body is not JSON: {details[0]['msg'].removeprefix('Invalid JSON: ')}.") from None
        raise Invalid(
            errors=[field_error(detail["loc"], detail["type"], detail["msg"], where) for detail in details]
        ) from None


def field_error(location: tuple[int | str, ...], code: str, message: str, where: str) -> FieldError:
    """Return what is wrong with a field of the body or query."""
    place = pointer(location) if where == "body" else "?" + ".".join(map(str, location))
    return FieldError(place, code, message)


def _rendered(declaration: Declaration, request: flask.Request, reply: Any) -> flask.Response:  # noqa: ANN401
    if isinstance(reply, flask.Response):
        return reply
    if isinstance(reply, Cached):
        response = _json(reply.text, declaration.status)
        etag: str | None = reply.etag
    elif reply is None:
        return flask.Response(status=declaration.status)
    else:
        assert isinstance(reply, Reply)
        response = _json(reply.model_dump_json(), declaration.status)
        etag = reply.etag()
    if etag is not None:
        response.set_etag(etag)
        response.headers["Cache-Control"] = "no-cache"
        if declaration.method == "GET":
            response.make_conditional(request)
    return response


def _json(text: str, status: int) -> flask.Response:
    return flask.Response(text, status=status, mimetype="application/json")


def refused(refusal: Refusal) -> flask.Response:
    """Return the answer to a refused request."""
    status = problems.status_of(type(refusal))
    if refusal.__cause__ is not None:
        log.warning(
            "%s",
            refusal.__cause__,
            extra={"code": refusal.code, "dependency": getattr(refusal.__cause__, "name", None)},
        )
    response = problem_response(status, refusal.code, refusal.detail, refusal.errors)
    response.headers.extend(refusal.headers)
    return response


def bug() -> flask.Response:
    """Return the answer to a request that ran into a bug: nothing of it shows."""
    detail = "Something went wrong on our side. Quote the trace_id when you report it."
    return problem_response(500, "internal", detail)


def problem_response(status: int, code: str, detail: str, errors: tuple[FieldError, ...] = ()) -> flask.Response:
    """Return a problem as a response."""
    body = flask.json.dumps(problems.problem(status, code, detail, errors))
    return flask.Response(body, status=status, content_type=problems.CONTENT_TYPE)
