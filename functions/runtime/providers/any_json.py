"""The body of a request that is JSON of whatever shape: what it means is the handler's to find out."""

import json
from dataclasses import dataclass
from typing import ClassVar

import flask
from pydantic import JsonValue
from typing_extensions import override

from events.wire import is_json
from functions.domain.api_errors import Malformed, TooLarge, UnsupportedMediaType
from functions.runtime.providers.base import Call, Parameter, Provider, Schema, Schemas, is_a
from functions.runtime.providers.body import JSON, parse_strictly, read_body, refuse_encoded, refuse_nul


@dataclass(frozen=True)
class AnyJson:
    """A body of JSON. A descendant says what the OpenAPI document tells of it."""

    value: JsonValue
    """None too if the body is empty, where it may be."""

    media_types: ClassVar[tuple[str, ...]] = (JSON,)
    """Those that the document names; any of JSON's is taken."""
    schema: ClassVar[dict[str, JsonValue]] = {}
    """The JSON Schema of the body."""
    example: ClassVar[JsonValue] = {}
    may_be_empty: ClassVar[bool] = False


class AnyJsonBody(Provider):
    """Fills a parameter that is an `AnyJson`."""

    errors = (Malformed, TooLarge, UnsupportedMediaType)

    taken: type[AnyJson]

    def __init__(self, parameter: Parameter) -> None:
        """Take the type from the parameter."""
        super().__init__(parameter)
        if is_a(parameter.annotation, AnyJson):
            self.taken = parameter.annotation

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether a parameter's type is that of any JSON."""
        return is_a(parameter.annotation, AnyJson)

    @override
    def value(self, call: Call) -> AnyJson:
        """Return the body. Raises Malformed, TooLarge, UnsupportedMediaType and Invalid."""
        request = call.request
        refuse_encoded(request)
        body = read_body(request, call.declaration.max_body)
        if self.taken.may_be_empty and not body:
            return self.taken(None)
        _check_kind(request, self.taken.media_types)
        value = parse_strictly(body)
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Malformed("The body is not JSON: half a surrogate pair is no character.") from None
        refuse_nul(value)
        return self.taken(value)

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the operation's `requestBody`."""
        told: Schema = {"schema": self.taken.schema, "example": self.taken.example}
        required = not self.taken.may_be_empty
        return {"requestBody": {"required": required, "content": dict.fromkeys(self.taken.media_types, told)}}


def _check_kind(request: flask.Request, named: tuple[str, ...]) -> None:
    if not is_json(request.mimetype):
        raise UnsupportedMediaType(f"Send {' or '.join(named)} as Content-Type.")
