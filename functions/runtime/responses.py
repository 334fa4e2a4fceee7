"""HTTP answers: replies as JSON with their ETag, API errors and bugs as problem+json."""

import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import flask
from pydantic import ValidationError

from functions.domain.api_errors import ApiError, FieldError, PreconditionFailed
from functions.runtime import problems
from functions.runtime.declarations import Declaration
from functions.runtime.providers.base import is_a
from functions.runtime.transport import Internal
from functions.schemas.base import Cached, Reply

if TYPE_CHECKING:
    from functions.runtime.event_stream import EventStream

log = logging.getLogger(__name__)


def success(
    declaration: Declaration, request: flask.Request, reply: "Reply | Cached[Reply] | EventStream | None"
) -> flask.Response:
    """Return the response for what a handler returned; 304 when the caller has this state already, by its ETag."""
    if reply is None:
        empty = flask.Response(status=declaration.status)
        # Flask would call it HTML.
        empty.headers.remove("Content-Type")
        return empty
    if not isinstance(reply, Reply | Cached):
        from functions.runtime import event_stream
        from functions.runtime.http.resting import REST

        # A server that knows nothing of rests has the thread wait.
        parts = reply.parts(request.environ.get(REST, time.sleep))
        return flask.Response(parts, declaration.status, event_stream.HEADERS, content_type=event_stream.CONTENT_TYPE)
    text = text_of(reply)
    etag = reply.etag if isinstance(reply, Cached) else reply.etag()
    if etag is None:
        own = None if isinstance(reply, Cached) else reply.http_status
        return json_response(text, own or declaration.status)
    # Not werkzeug's make_conditional, whose 412 is no problem. In the order of RFC 9110, section 13.2.2.
    reads = declaration.method == "GET"
    if reads and request.headers.get("If-Match") and etag not in request.if_match:
        raise PreconditionFailed
    known = reads and request.if_none_match.contains_weak(etag)
    response = flask.Response(status=304) if known else json_response(text, declaration.status)
    response.set_etag(etag)
    response.headers["Cache-Control"] = Reply.cache_control if isinstance(reply, Cached) else reply.cache_control
    return response


def text_of(reply: "Reply | Cached[Reply] | EventStream | None") -> str:
    """Return the JSON of what a handler returned, empty for None and for a stream."""
    if isinstance(reply, Cached):
        return reply.text
    return reply.model_dump_json() if isinstance(reply, Reply) else ""


def replayed(declaration: Declaration, text: str) -> flask.Response:
    """Return an answer that was kept as JSON text, with the ETag that it had the first time."""
    response = json_response(text, declaration.status)
    model = declaration.reply
    # An earlier release may have kept an answer of another shape: it goes out as it is.
    with suppress(ValidationError):
        etag = model.model_validate_json(text).etag() if is_a(model, Reply) else None
        if etag is not None:
            response.set_etag(etag)
            response.headers["Cache-Control"] = Reply.cache_control
    return response


def json_response(text: str, status: int) -> flask.Response:
    """Return JSON text as a response."""
    return flask.Response(text, status=status, mimetype="application/json")


def error_response(api_error: ApiError) -> flask.Response:
    """Return the answer to a refused request; what caused it goes to the log alone."""
    cause = api_error.__cause__
    if cause is not None:
        log.warning("%s", cause, extra={"code": api_error.code, "dependency": getattr(cause, "name", None)})
    response = problem_response(problems.status_of(type(api_error)), api_error.code, api_error.detail, api_error.errors)
    response.headers.extend(api_error.headers)
    return response


def internal_error() -> flask.Response:
    """Return the answer to a request that ran into a bug: nothing of it shows."""
    return error_response(Internal())


def problem_response(status: int, code: str, detail: str, errors: tuple[FieldError, ...] = ()) -> flask.Response:
    """Return a problem as a response."""
    body = json.dumps(problems.problem(status, code, detail, errors))
    return flask.Response(body, status=status, content_type=problems.CONTENT_TYPE)
