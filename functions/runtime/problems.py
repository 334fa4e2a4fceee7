"""API errors as HTTP answers: application/problem+json (RFC 9457) with a stable code and the trace's id."""

import json
from http import HTTPStatus
from typing import Final

from pydantic import JsonValue

from core import context
from functions.domain import api_errors
from functions.domain.api_errors import ApiError
from functions.runtime import transport
from functions.runtime.routes import MethodNotAllowed

CONTENT_TYPE: Final = "application/problem+json"

STATUSES: Final[dict[type[ApiError], int]] = {
    api_errors.Malformed: 400,
    api_errors.Unauthenticated: 401,
    api_errors.Forbidden: 403,
    api_errors.NotFound: 404,
    MethodNotAllowed: 405,
    api_errors.Conflict: 409,
    api_errors.Gone: 410,
    api_errors.PreconditionFailed: 412,
    api_errors.TooLarge: 413,
    transport.UriTooLong: 414,
    api_errors.UnsupportedMediaType: 415,
    api_errors.Invalid: 422,
    api_errors.PreconditionRequired: 428,
    api_errors.TooMany: 429,
    transport.HeadersTooLarge: 431,
    transport.UnknownMethod: 501,
    transport.UnknownTransferCoding: 501,
    transport.Internal: 500,
    api_errors.BadGateway: 502,
    api_errors.Unavailable: 503,
    transport.FunctionTimeout: 504,
    transport.HttpVersionUnsupported: 505,
}


_RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""As RFC 9110 calls them, and Python from 3.13 on: what is answered must not depend on the interpreter."""


def status_of(api_error: type[ApiError]) -> int:
    """Return the HTTP status of an API error: that of the nearest kind it descends from."""
    return next(STATUSES[kind] for kind in api_error.__mro__ if kind in STATUSES)


def problem(
    status: int, code: str, detail: str, errors: tuple[api_errors.FieldError, ...] = ()
) -> dict[str, JsonValue]:
    """Return the body of a problem."""
    body: dict[str, JsonValue] = {
        "type": f"urn:botberi:problem:{code}",
        "title": _RENAMED.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "trace_id": context.current().trace_id,
    }
    if errors:
        body["errors"] = [vars(error) for error in errors]
    return body


def of_request(code: str, detail: str | None) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return status, headers and body of the server's answer to a request that reached no function."""
    api_error = next(kind for kind in transport.SERVER_ERRORS if kind.code == code)(detail)
    status = status_of(type(api_error))
    with context.entered(context.Context.start()):
        body = json.dumps(problem(status, api_error.code, api_error.detail)).encode()
    headers = [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    return status, headers, body
