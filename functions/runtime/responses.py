"""HTTP answers: replies as JSON with their ETag, API errors and bugs as problem+json."""

import json
import logging
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIEnvironment

import flask
from pydantic import ValidationError

from core import context
from functions.domain.api_errors import ApiError, FieldError, PreconditionFailed
from functions.runtime import problems
from functions.runtime.declarations import Answer, Declaration, Later
from functions.runtime.transport import Internal
from functions.schemas.base import Cached, Reply

if TYPE_CHECKING:
    from functions.runtime.declarations import Returned

log = logging.getLogger(__name__)


def guarded(declaration: Declaration, request: flask.Request, make: Callable[[], flask.Response]) -> flask.Response:
    """Return the response that `make` returns, or the one to what it raises."""
    try:
        return make()
    except ApiError as api_error:
        return refused(declaration, request, api_error)
    except Exception:
        log.exception("bug in %s", declaration.name)
        return refused(declaration, request, Internal())


def refused(declaration: Declaration, request: flask.Request, api_error: ApiError) -> flask.Response:
    """Return the answer to a refused request, in the way of the protocol that the endpoint speaks."""
    protocol = declaration.protocol
    if protocol is None:
        return error_response(api_error)
    _log_cause(api_error)
    body = json.dumps(protocol.body(api_error, request), ensure_ascii=False)
    response = flask.Response(body, protocol.status(type(api_error)), content_type=protocol.media_type)
    response.headers.extend(dict(protocol.headers(api_error, request)))
    return response


def success(declaration: Declaration, request: flask.Request, reply: "Returned | None") -> flask.Response:
    """Return the response for what a handler returned; 304 when the caller has this state already, by its ETag."""
    if reply is None:
        return _empty(declaration.status)
    if isinstance(reply, Later):
        return _later(declaration, request, reply)
    if isinstance(reply, Answer):
        return _answer(declaration, reply)
    text = text_of(reply)
    own = None if isinstance(reply, Cached) else reply.http_status
    response = json_response(text, own or declaration.status)
    if isinstance(reply, Reply):
        response.headers.extend(reply.headers())
    etag = reply.etag if isinstance(reply, Cached) else reply.etag()
    if etag is None:
        return response
    # Not werkzeug's make_conditional, whose 412 is no problem. In the order of RFC 9110, section 13.2.2.
    reads = declaration.method == "GET"
    if reads and request.headers.get("If-Match") and etag not in request.if_match:
        raise PreconditionFailed
    known = reads and request.if_none_match.contains_weak(etag)
    if known:
        response = flask.Response(status=304)
    response.set_etag(etag)
    response.headers["Cache-Control"] = Reply.cache_control if isinstance(reply, Cached) else reply.cache_control
    return response


def _empty(status: int) -> flask.Response:
    empty = flask.Response(status=status)
    # Flask would call it HTML.
    empty.headers.remove("Content-Type")
    return empty


def _answer(declaration: Declaration, answer: Answer) -> flask.Response:
    status = answer.status or declaration.status
    if answer.value is None:
        response = _empty(status)
    else:
        text = json.dumps(answer.value, ensure_ascii=False)
        response = flask.Response(text, status, content_type=answer.media_type)
    response.headers.extend(dict(answer.headers))
    return response


def _later(declaration: Declaration, request: flask.Request, reply: Later) -> flask.Response:
    from functions.runtime import event_stream
    from functions.runtime.http.resting import REST, ThreadRest

    # A server that knows nothing of rests has the thread wait.
    parts = reply.parts(request.environ.get(REST) or ThreadRest())
    if not (reply.streams or reply.content_type):
        return Deferred(declaration, request, parts)
    kind = event_stream.CONTENT_TYPE if reply.streams else reply.content_type
    status = 200 if reply.streams else declaration.status
    return flask.Response(parts, status, {**event_stream.HEADERS, **reply.headers}, content_type=kind)


class Deferred(flask.Response):
    """A response that isn't known yet: it is made when what it waits for has come."""

    finish: Callable[[flask.Response], None]
    """Is called with the response once it is there."""

    def __init__(
        self, declaration: Declaration, request: flask.Request, parts: "Generator[bytes, None, Returned | None]"
    ) -> None:
        """`parts` are empty, and return what the handler would have returned."""
        super().__init__()
        self._declaration = declaration
        self._request = request
        self._parts = parts
        self._context = context.current()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Generator[bytes, None, None]:
        """Yield an empty part for each rest, and then the response."""
        while True:
            with context.entered(self._context):
                response = guarded(self._declaration, self._request, self._next)
                if response is not self:
                    self.finish(response)
                    break
            try:
                yield b""
            except GeneratorExit:
                with context.entered(self._context):
                    self._parts.close()
                raise
        yield from response(environ, start_response)

    def _next(self) -> flask.Response:
        """Look whether the reply is there; return this response as long as it isn't."""
        try:
            next(self._parts)
        except StopIteration as ended:
            return success(self._declaration, self._request, ended.value)
        return self


def finished(response: flask.Response, finish: Callable[[flask.Response], None]) -> flask.Response:
    """Return the response after `finish` was called with it, which is later for one that isn't known yet."""
    if isinstance(response, Deferred):
        response.finish = finish
    else:
        finish(response)
    return response


def text_of(reply: "Returned | None") -> str:
    """Return the JSON of what a handler returned, empty for what has no model."""
    if isinstance(reply, Cached):
        return reply.text
    return reply.model_dump_json() if isinstance(reply, Reply) else ""


def replayed(declaration: Declaration, text: str) -> flask.Response:
    """Return an answer that was kept as JSON text, with the ETag that it had the first time."""
    response = json_response(text, declaration.status)
    model = declaration.reply
    # An earlier release may have kept an answer of another shape: it goes out as it is.
    with suppress(ValidationError):
        etag = model.model_validate_json(text).etag() if isinstance(model, type) and issubclass(model, Reply) else None
        if etag is not None:
            response.set_etag(etag)
            response.headers["Cache-Control"] = Reply.cache_control
    return response


def json_response(text: str, status: int) -> flask.Response:
    """Return JSON text as a response."""
    return flask.Response(text, status=status, mimetype="application/json")


def error_response(api_error: ApiError) -> flask.Response:
    """Return the answer to a refused request; what caused it goes to the log alone."""
    _log_cause(api_error)
    response = problem_response(problems.status_of(type(api_error)), api_error.code, api_error.detail, api_error.errors)
    response.headers.extend(api_error.headers)
    return response


def _log_cause(api_error: ApiError) -> None:
    cause = api_error.__cause__
    if cause is not None:
        log.warning("%s", cause, extra={"code": api_error.code, "dependency": getattr(cause, "name", None)})


def internal_error() -> flask.Response:
    """Return the answer to a request that ran into a bug: nothing of it shows."""
    return error_response(Internal())


def problem_response(status: int, code: str, detail: str, errors: tuple[FieldError, ...] = ()) -> flask.Response:
    """Return a problem as a response."""
    body = json.dumps(problems.problem(status, code, detail, errors))
    return flask.Response(body, status=status, content_type=problems.CONTENT_TYPE)
