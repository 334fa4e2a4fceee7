"""The two bindings of A2A: JSON-RPC, and HTTP with JSON. They differ in how answers and errors are wrapped."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, TypeVar

import flask
from pydantic import JsonValue
from typing_extensions import override

from functions.domain import json_rpc
from functions.domain.api_errors import ApiError
from functions.runtime.a2a import told_errors
from functions.runtime.declarations import Answer
from functions.runtime.protocols import Protocol
from functions.runtime.providers.any_json import AnyJson

Json = dict[str, JsonValue]

MEDIA_TYPE: Final = "application/a2a+json"

Wrapped = TypeVar("Wrapped", bound=Answer)


class Result(Answer):
    """An answer of A2A over HTTP with JSON."""

    media_type = MEDIA_TYPE
    schema: ClassVar[Json] = {"type": "object"}


class Response(Answer):
    """A response of JSON-RPC 2.0."""

    schema: ClassVar[Json] = {
        "type": "object",
        "required": ["jsonrpc", "id"],
        "properties": {"jsonrpc": {"const": "2.0"}, "id": {}},
    }


class Params(AnyJson):
    """The body of a request over HTTP with JSON."""

    media_types = ("application/json", MEDIA_TYPE)
    may_be_empty = True


class Message(Params):
    """A body with a message."""

    example: ClassVar[JsonValue] = {
        "message": {"messageId": "1b0c", "role": "ROLE_USER", "parts": [{"text": "Hello"}]},
        "configuration": {"returnImmediately": True},
    }


class PushConfig(Params):
    """A body that says where notifications about a task go."""

    example: ClassVar[JsonValue] = {
        "url": "https://example.com/notifications",
        "token": "one of your own",
        "authentication": {"scheme": "Bearer", "credentials": "a token of yours"},
    }

    @property
    def members(self) -> Json:
        """What it has, if it is an object."""
        return self.value if isinstance(self.value, dict) else {}


class Request(AnyJson):
    """The body of a request of JSON-RPC 2.0."""

    schema: ClassVar[Json] = {
        "type": "object",
        "required": ["jsonrpc", "method"],
        "properties": {"jsonrpc": {"const": "2.0"}, "method": {"type": "string"}, "id": {}, "params": {}},
    }
    example: ClassVar[JsonValue] = {"jsonrpc": "2.0", "id": "1", "method": "ListTasks", "params": {}}


class Wrapping(ABC):
    """How what an operation results in is wrapped, as JSON."""

    media_type: ClassVar[str]

    @abstractmethod
    def wrapped(self, result: Json) -> Json:
        """Return a result as the JSON that is sent."""

    @abstractmethod
    def failed(self, api_error: ApiError) -> Json:
        """Return an error as the JSON that is sent where an answer has begun."""


class Binding(Wrapping, Generic[Wrapped]):
    """How it is wrapped, as JSON and as an answer."""

    @abstractmethod
    def answer(self, result: Json, headers: Mapping[str, str] | None = None) -> Wrapped:
        """Return a result as an answer."""


class RestBinding(Binding[Result]):
    """HTTP with JSON: results go as they are."""

    media_type = MEDIA_TYPE

    @override
    def answer(self, result: Json, headers: Mapping[str, str] | None = None) -> Result:
        return Result(result, headers=headers or {})

    @override
    def wrapped(self, result: Json) -> Json:
        return result

    @override
    def failed(self, api_error: ApiError) -> Json:
        return status(api_error)


@dataclass(frozen=True)
class RpcBinding(Binding[Response]):
    """JSON-RPC: results go in responses."""

    media_type = Response.media_type

    id: JsonValue
    """Of the request."""

    @override
    def answer(self, result: Json, headers: Mapping[str, str] | None = None) -> Response:
        return Response(self.wrapped(result), headers=headers or {})

    @override
    def wrapped(self, result: Json) -> Json:
        return {"jsonrpc": "2.0", "id": self.id, "result": result}

    @override
    def failed(self, api_error: ApiError) -> Json:
        return response(api_error, self.id)


def status(api_error: ApiError) -> Json:
    """Return an error as a `google.rpc.Status` over HTTP."""
    told = told_errors.of(type(api_error))
    found: Json = {"code": told.http_status, "status": told.rpc_status, "message": api_error.detail}
    return {"error": found | {"details": told_errors.details(api_error)}}


def response(api_error: ApiError, request_id: JsonValue) -> Json:
    """Return an error as a response of JSON-RPC."""
    told = told_errors.of(type(api_error))
    error: Json = {"code": told.rpc_code, "message": api_error.detail, "data": told_errors.details(api_error)}
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


class RestErrors(Protocol):
    """API errors over HTTP with JSON."""

    schema = told_errors.SCHEMA

    @override
    def status(self, api_error: type[ApiError]) -> int:
        return told_errors.of(api_error).http_status

    @override
    def body(self, api_error: ApiError, request: flask.Request) -> JsonValue:
        return status(api_error)


_AS_HTTP: Final = frozenset({401, 403, 429, 503})
_NOT_THERE: Final = frozenset({"AGENT_NOT_FOUND", "NOT_FOUND"})
"""Reasons for which there is nobody to answer."""


class RpcErrors(Protocol):
    """API errors over JSON-RPC: answered with 200, but for those that concern whoever calls and not what is called."""

    schema = told_errors.SCHEMA

    @override
    def status(self, api_error: type[ApiError]) -> int:
        told = told_errors.of(api_error)
        return told.http_status if told.http_status in _AS_HTTP or told.reason in _NOT_THERE else 200

    @override
    def body(self, api_error: ApiError, request: flask.Request) -> JsonValue:
        return response(api_error, json_rpc.id_in(request.get_data()))
