"""What a request brings: its body within bounds, its query, its headers, checked against a handler's models."""

from contextlib import suppress
from typing import IO, Any, Final, TypeVar

import flask
from pydantic import TypeAdapter, ValidationError

from functions.domain.refusals import (
    FieldError,
    Invalid,
    Malformed,
    NotFound,
    PreconditionRequired,
    TooLarge,
    UnsupportedMediaType,
)
from functions.runtime.shapes import Body, IfMatch, Query, nul_characters, pointer
from functions.runtime.strict_json import NotStrictJsonError, check_json

AnyBody = TypeVar("AnyBody", bound=Body)
AnyQuery = TypeVar("AnyQuery", bound=Query)

NUL: Final = ("nul_character", "The character U+0000 can't be kept.")


def read_body(request: flask.Request, limit: int) -> bytes:
    """Return the body, or refuse one over `limit` bytes without reading more of it; its length may be unknown."""
    told = request.content_length or 0
    leave_unread(request)
    body = b"" if told > limit else _read(request.stream, limit + 1)
    request._cached_data = body  # noqa: SLF001 - werkzeug's own place for it
    if max(told, len(body)) > limit:
        raise TooLarge(f"The body is larger than the {limit:,} bytes that this endpoint takes.")
    if len(body) < told:
        raise Malformed("The body ended before it was complete.")
    return body


def leave_unread(request: flask.Request) -> None:
    """Keep the framework from reading the whole body after the answer, however large, when nobody else has."""
    request._cached_data = b""  # noqa: SLF001 - werkzeug's own place for it


def discard_rest(request: flask.Request, limit: int) -> None:
    """Read what is left of a body within `limit`: a server that closes on unread bytes may take the answer with it."""
    if (request.content_length or 0) <= limit:
        with suppress(Malformed):
            _read(request.stream, limit + 1)


def _read(stream: IO[bytes], size: int) -> bytes:
    body = b""
    try:
        while len(body) < size and (part := stream.read(size - len(body))):
            body += part
    except Exception as error:
        # Each server has exceptions of its own for a client that left, or that can't count its chunks.
        raise Malformed("The body can't be read.") from error
    return body


def json_body(request: flask.Request, model: type[AnyBody], limit: int) -> AnyBody:
    """Return the JSON body as `model`, or refuse it with every error at its field."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    body = read_body(request, limit)
    try:
        check_json(body)
        value = model.model_validate_json(body)
    except NotStrictJsonError as error:
        raise Malformed(f"The body is not JSON: {error}.") from None
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise Malformed(f"The body is not JSON: {details[0]['msg'].removeprefix('Invalid JSON: ')}.") from None
        errors = [FieldError(pointer(detail["loc"]), detail["type"], detail["msg"]) for detail in details]
        raise Invalid(errors=errors) from None
    if errors := [FieldError(pointer(place), *NUL) for place in nul_characters(value)]:
        raise Invalid(errors=errors)
    return value


def query(request: flask.Request, model: type[AnyQuery]) -> AnyQuery:
    """Return the query parameters as `model`, or refuse them with every error at its parameter."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise Invalid(errors=[FieldError(f"?{name}", "repeated", "Give this parameter once.") for name in repeated])
    if errors := [FieldError(f"?{name}", *NUL) for name, value in request.args.items() if "\x00" in name + value]:
        raise Invalid(errors=errors)
    try:
        return model.model_validate(dict(request.args))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [FieldError("?" + ".".join(map(str, each["loc"])), each["type"], each["msg"]) for each in details]
        raise Invalid(errors=errors) from None


def no_query(request: flask.Request) -> None:
    """Refuse query parameters where there are none."""
    if request.args:
        raise Invalid(
            errors=[FieldError(f"?{name}", "unknown", "There is no such parameter.") for name in request.args]
        )


def path_value(annotation: Any, value: str) -> Any:  # noqa: ANN401 - whatever the parameter's type takes
    """Return a value from the path, or say that there is no such thing when it can't be one."""
    if "\x00" in value:
        raise NotFound
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        raise NotFound from None


def if_match(request: flask.Request) -> IfMatch:
    """Return the ETag that the caller wants to change, or ask for it."""
    header = request.headers.get("If-Match")
    if header is None:
        raise PreconditionRequired
    return IfMatch(header.strip().removeprefix("W/").strip('"'))
