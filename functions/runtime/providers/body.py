"""The body of a request: read within its bound, and checked against a handler's models."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Final
from urllib.parse import parse_qsl, quote, unquote

import flask
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import override

from events.wire import is_json
from functions.domain.api_errors import FieldError, Invalid, Malformed, TooLarge, UnsupportedMediaType
from functions.runtime.providers.base import Call, Parameter, Provider, Schema, Schemas, members
from functions.runtime.strict_json import NotStrictJsonError, check_json
from functions.schemas.base import FORM, AnyBody, Body, ListBody, nul_characters, pointer

JSON: Final = "application/json"

MERGE_PATCH: Final = "application/merge-patch+json"
"""The media type that RFC 7396 gives the JSON of a PATCH."""

URI: Final = "%:/?#[]@!$&'()*+,;=-._~"
"""The characters that may stand in a URI beside letters and digits."""

_MOST_FIELDS: Final = 100
"""Fields of a form that is read."""

NUL: Final = ("nul_character", "The character U+0000 can't be kept.")
"""The code and message for a text that JSON allows and Postgres refuses."""


class JsonBody(Provider):
    """Fills a parameter that is a `Body`, a `ListBody`, or a union of them that differ in their media types."""

    errors = (Malformed, TooLarge, UnsupportedMediaType)

    def __init__(self, parameter: Parameter) -> None:
        """Find the models in the parameter's type, by media type."""
        super().__init__(parameter)
        self.taken = bodies(parameter.annotation)
        self.models = tuple(self.taken.values())
        self.methods = ("OPTIONS",) if any(kind.startswith("application/cloudevents") for kind in self.taken) else ()

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether a parameter's type is a body's."""
        return bool(bodies(parameter.annotation))

    @override
    def value(self, call: Call) -> AnyBody:
        """Return the body. Raises Malformed, TooLarge, UnsupportedMediaType and Invalid."""
        return json_body(call.request, self.taken, call.declaration.max_body)

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the operation's `requestBody`: the schema and an example for each media type."""
        content: Schema = {}
        for media_type, model in self.taken.items():
            reference = schemas.reference(model, "validation")
            content[media_type] = {"schema": reference, "example": schemas.example(reference)}
        if method == "PATCH" and JSON in content:
            content[MERGE_PATCH] = content[JSON]
        return {"requestBody": {"required": True, "content": content}}


def bodies(annotation: object) -> dict[str, type[AnyBody]]:
    """Return the models of bodies in a parameter's type, one or a union of them, by media type; else nothing."""
    return {
        each.media_type: each
        for each in members(annotation)
        if isinstance(each, type) and issubclass(each, (Body, ListBody))
    }


def read_body(request: flask.Request, limit: int) -> bytes:
    """Return the body, whether its length was told or not. Raises Malformed for one that ended early.

    Raises TooLarge for one over `limit` bytes, of which no more than that is read.
    """
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
    """Mark the body as read: else werkzeug would read what nobody has, however large, after the answer."""
    request._cached_data = b""  # noqa: SLF001 - werkzeug's own place for it


def discard_rest(request: flask.Request, limit: int) -> None:
    """Read the rest of a body of up to `limit` bytes: a client may lose the answer if the server closes on the rest."""
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


def json_body(request: flask.Request, taken: Mapping[str, type[AnyBody]], limit: int) -> AnyBody:
    """Return the body, JSON or a form, as the model of its media type.

    Raises UnsupportedMediaType, TooLarge, Malformed, and Invalid with every error at its field.
    """
    kind = _media_type(request, taken)
    if kind not in taken:
        raise UnsupportedMediaType(f"Send {' or '.join(taken)} as Content-Type.")
    refuse_encoded(request)
    body = read_body(request, limit)
    try:
        value = _validated(request, taken, kind, body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise Malformed(f"The body is not JSON: {details[0]['msg'].removeprefix('Invalid JSON: ')}.") from None
        errors = [FieldError(pointer(detail["loc"]), detail["type"], said(detail, taken[kind])) for detail in details]
        raise Invalid(errors=errors) from None
    refuse_nul(value)
    return value


def parse_strictly(body: bytes) -> JsonValue:
    """Return what a body says. Raises Malformed unless it is strict JSON in UTF-8."""
    try:
        return check_json(body)
    except NotStrictJsonError as error:
        raise Malformed(f"The body is not JSON: {error}.") from None


def refuse_nul(value: object) -> None:
    """Raise Invalid with every place of a body that holds the character U+0000."""
    if errors := [FieldError(pointer(place), *NUL) for place in nul_characters(value)]:
        raise Invalid(errors=errors)


def said(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Return the message of a validation error, for people: no pattern, and none of pydantic's words before our own."""
    if error["type"] != "string_pattern_mismatch":
        return error["msg"].removeprefix("Value error, ")
    place = error["loc"]
    field = model.model_fields.get(str(place[0])) if len(place) == 1 else None
    if field and field.examples:
        return f"Not of the form that is taken here, which is that of {field.examples[0]}"
    return "Not of the form that is taken here: the API's document has its pattern"


def _media_type(request: flask.Request, taken: Mapping[str, type[AnyBody]]) -> str:
    kind = request.mimetype
    if request.method == "PATCH" and kind == MERGE_PATCH:
        # What is left out of a PATCH stays as it is, whichever of the two it is called.
        return JSON
    # In binary mode it is the data's: any of JSON's, and none from CloudEvents' SDK for Python.
    binary = (not kind or is_json(kind)) and any(model.binary for model in taken.values())
    return JSON if binary and kind not in taken and _event_headers(request) else kind


def refuse_encoded(request: flask.Request) -> None:
    """Raise UnsupportedMediaType for a body that is compressed or isn't in UTF-8."""
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.strip().lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("JSON is written in UTF-8: send it so, and without another charset.")


def _validated(request: flask.Request, taken: Mapping[str, type[AnyBody]], kind: str, body: bytes) -> AnyBody:
    if kind == FORM:
        return taken[kind].model_validate(_fields(body))
    parse_strictly(body)
    for model in taken.values():
        if model.binary and kind == JSON and (headers := _event_headers(request)):
            return model.model_validate(headers | {"data": json.loads(body)})
    return taken[kind].model_validate_json(body)


def _fields(body: bytes) -> dict[str, str]:
    """Return the fields of a form; one without a value is as good as none (RFC 6749, 3.1). Raises Malformed."""
    try:
        pairs = parse_qsl(body.decode(), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Malformed("The body is not a form in UTF-8.") from None
    if len(dict(pairs)) < len(pairs):
        raise Malformed("The form has a field twice.")
    return dict(pairs)


def _event_headers(request: flask.Request) -> dict[str, str]:
    """Return the attributes that CloudEvents' binary mode puts into headers."""
    found = {name.lower(): value for name, value in request.headers if name.lower().startswith("ce-")}
    decoded = {name.removeprefix("ce-"): unquote(value.strip('"'), errors="replace") for name, value in found.items()}
    if "source" in decoded:
        # Whether or not the sender has encoded the escapes of a URI once more, as the specification asks.
        decoded["source"] = quote(decoded["source"], safe=URI)
    return decoded
