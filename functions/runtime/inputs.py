"""What a request brings: its body within bounds, its query, its headers, checked against a handler's models."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import IO, Any, Final, TypeVar
from urllib.parse import quote, unquote, unquote_to_bytes

import flask
from pydantic import TypeAdapter, ValidationError

from events.wire import is_json
from functions.domain.refusals import (
    FieldError,
    Invalid,
    Malformed,
    NotFound,
    PreconditionRequired,
    TooLarge,
    UnsupportedMediaType,
)
from functions.runtime.strict_json import NotStrictJsonError, check_json
from functions.schemas.shapes import AnyBody, IfMatch, PageQuery, Query, bodies, nul_characters, pointer

AnyQuery = TypeVar("AnyQuery", bound=Query)

JSON: Final = "application/json"

MERGE_PATCH: Final = "application/merge-patch+json"
"""JSON of a PATCH by its own name (RFC 7396)."""

_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]+")

URI: Final = "%:/?#[]@!$&'()*+,;=-._~"
"""What a URI may have beside letters and digits."""

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
    announced = "CONTENT_LENGTH" in request.environ or "HTTP_TRANSFER_ENCODING" in request.environ
    if announced and (request.content_length or 0) <= limit:
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


def json_body(request: flask.Request, annotation: Any, limit: int) -> AnyBody:  # noqa: ANN401 - whatever the parameter's type takes
    """Return the JSON body as what `annotation` takes of its media type, or refuse it with every error at its field."""
    taken = bodies(annotation)
    kind = _media_type(request, taken)
    if kind not in taken:
        raise UnsupportedMediaType(f"Send {' or '.join(taken)} as Content-Type.")
    _refuse_encoded(request)
    body = read_body(request, limit)
    try:
        check_json(body)
        value = _validated(request, taken, kind, body)
    except NotStrictJsonError as error:
        raise Malformed(f"The body is not JSON: {error}.") from None
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise Malformed(f"The body is not JSON: {details[0]['msg'].removeprefix('Invalid JSON: ')}.") from None
        errors = [FieldError(pointer(detail["loc"]), detail["type"], _said(detail["msg"])) for detail in details]
        raise Invalid(errors=errors) from None
    if errors := [FieldError(pointer(place), *NUL) for place in nul_characters(value)]:
        raise Invalid(errors=errors)
    return value


def _said(message: str) -> str:
    """Return what a model says of a field, without the words that pydantic puts in front of a validator's own."""
    return message.removeprefix("Value error, ")


def _media_type(request: flask.Request, taken: Mapping[str, type[AnyBody]]) -> str:
    kind = request.mimetype
    if request.method == "PATCH" and kind == MERGE_PATCH:
        # What is left out of a PATCH stays as it is, whichever of the two it is called.
        return JSON
    # In binary mode it is the data's: any of JSON's, and none from CloudEvents' SDK for Python.
    binary = (not kind or is_json(kind)) and any(model.binary for model in taken.values())
    return JSON if binary and kind not in taken and _event_headers(request) else kind


def _refuse_encoded(request: flask.Request) -> None:
    """Refuse a body that was compressed, or is written in something other than UTF-8."""
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.strip().lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("JSON is written in UTF-8: send it so, and without another charset.")


def _validated(request: flask.Request, taken: Mapping[str, type[AnyBody]], kind: str, body: bytes) -> AnyBody:
    for model in taken.values():
        if model.binary and kind == JSON and (headers := _event_headers(request)):
            return model.model_validate(headers | {"data": json.loads(body)})
    return taken[kind].model_validate_json(body)


def _event_headers(request: flask.Request) -> dict[str, str]:
    """Return the attributes that CloudEvents' binary mode puts into headers."""
    found = {name.lower(): value for name, value in request.headers if name.lower().startswith("ce-")}
    decoded = {name.removeprefix("ce-"): unquote(value.strip('"'), errors="replace") for name, value in found.items()}
    if "source" in decoded:
        # Whether or not the sender has encoded the escapes of a URI once more, as the specification asks.
        decoded["source"] = quote(decoded["source"], safe=URI)
    return decoded


def query(request: flask.Request, model: type[AnyQuery]) -> AnyQuery:
    """Return the query parameters as `model`, or refuse them with every error at its parameter."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise Invalid(errors=[FieldError(f"?{name}", "repeated", "Give this parameter once.") for name in repeated])
    if errors := [FieldError(f"?{name}", *NUL) for name, value in request.args.items() if "\x00" in name + value]:
        raise Invalid(errors=errors)
    if errors := [*_not_utf8(request), *_not_whole(request, model)]:
        raise Invalid(errors=errors)
    try:
        return _of_list(request, model.model_validate(dict(request.args)))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [
            FieldError("?" + ".".join(map(str, each["loc"])), each["type"], _said(each["msg"])) for each in details
        ]
        raise Invalid(errors=errors) from None


def _not_utf8(request: flask.Request) -> Iterator[FieldError]:
    """Yield the parameters that stand for bytes which are no text."""
    for part in request.query_string.split(b"&"):
        try:
            unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            name = part.partition(b"=")[0].decode(errors="replace")
            yield FieldError(f"?{name}", "not_utf8", "This is not UTF-8.")


def _not_whole(request: flask.Request, model: type[Query]) -> Iterator[FieldError]:
    """Yield the numbers that aren't written as JSON writes whole ones: with a plus, or white space around them."""
    for name, value in request.args.items():
        field = model.model_fields.get(name)
        if field is not None and field.annotation is int and not _WHOLE_NUMBER.fullmatch(value):
            yield FieldError(f"?{name}", "int_parsing", "Write a whole number in digits.")


def _of_list(request: flask.Request, found: AnyQuery) -> AnyQuery:
    if isinstance(found, PageQuery):
        found.belong_to(request.path)
    return found


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
        return _adapter(annotation).validate_python(value)
    except ValidationError:
        raise NotFound from None


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - the same
    return TypeAdapter(annotation)


def if_match(request: flask.Request) -> IfMatch:
    """Return the states that the caller wants to change, or ask for them."""
    if request.headers.get("If-Match") is None:
        raise PreconditionRequired
    unwanted = request.if_none_match
    return IfMatch(() if unwanted.star_tag else request.if_match, unwanted.as_set(include_weak=True))
