"""Refusals as HTTP answers: application/problem+json (RFC 9457) with a stable code and the trace's id."""

import json
from http import HTTPStatus
from typing import Any, Final

from core import context
from functions.domain import refusals
from functions.domain.refusals import Refusal
from functions.runtime import transport
from functions.runtime.routes import MethodNotAllowed

CONTENT_TYPE: Final = "application/problem+json"

STATUSES: Final[dict[type[Refusal], int]] = {
    refusals.Malformed: 400,
    refusals.Unauthenticated: 401,
    refusals.Forbidden: 403,
    refusals.NotFound: 404,
    MethodNotAllowed: 405,
    refusals.Conflict: 409,
    refusals.PreconditionFailed: 412,
    refusals.TooLarge: 413,
    transport.UriTooLong: 414,
    refusals.UnsupportedMediaType: 415,
    refusals.Invalid: 422,
    refusals.PreconditionRequired: 428,
    refusals.TooMany: 429,
    transport.HeadersTooLarge: 431,
    transport.UnknownMethod: 501,
    transport.UnknownTransferCoding: 501,
    transport.Internal: 500,
    refusals.BadGateway: 502,
    refusals.Unavailable: 503,
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


def status_of(refusal: type[Refusal]) -> int:
    """Return the HTTP status of a refusal: that of the nearest kind it descends from."""
    return next(STATUSES[kind] for kind in refusal.__mro__ if kind in STATUSES)


def problem(status: int, code: str, detail: str, errors: tuple[refusals.FieldError, ...] = ()) -> dict[str, Any]:
    """Return the body of a problem."""
    body: dict[str, Any] = {
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
    """Return what the server answers where no function could: status, headers and body."""
    refusal = next(kind for kind in transport.SERVER_REFUSALS if kind.code == code)(detail)
    status = status_of(type(refusal))
    with context.entered(context.Context.start()):
        body = json.dumps(problem(status, refusal.code, refusal.detail)).encode()
    headers = [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    return status, headers, body
