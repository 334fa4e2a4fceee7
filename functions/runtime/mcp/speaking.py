"""How endpoints of MCP are spoken to: what they take, what they answer, and how they refuse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlsplit

import flask
from pydantic import JsonValue
from typing_extensions import override

from core import context
from events import envelope
from functions.domain import json_rpc
from functions.domain.api_errors import ApiError, Forbidden, Invalid, Malformed, Unauthenticated
from functions.domain.mcp import calls
from functions.domain.mcp.calls import Call
from functions.domain.mcp.errors import INTERNAL, INVALID_PARAMS, PARSE, REFUSED, McpError
from functions.domain.runs import accepting
from functions.runtime.declarations import Answer, Later, Resources
from functions.runtime.mcp.metadata import API_URL, PLACE
from functions.runtime.protocols import Protocol
from functions.runtime.providers.any_json import AnyJson
from functions.runtime.providers.base import Call as HttpCall
from functions.runtime.providers.base import Provider, Schema, Schemas
from functions.runtime.transport import Internal

_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine, which no foreign page can have others believe to be theirs."""

Object = dict[str, JsonValue]

_MESSAGE: Final[Object] = {
    "type": "object",
    "properties": {"jsonrpc": {"const": "2.0"}, "id": {"type": ["string", "integer", "null"]}},
    "additionalProperties": True,
    "required": ["jsonrpc"],
}


_LIST: Final = "tools/list"
"""The method that the document shows."""


class McpBody(AnyJson):
    """A request of JSON-RPC."""

    schema: ClassVar[Object] = _MESSAGE
    example: ClassVar[JsonValue] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": _LIST,
        "params": {
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": calls.VERSION,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        },
    }


class McpAnswer(Answer):
    """A response of JSON-RPC."""

    schema: ClassVar[Object] = _MESSAGE
    statuses: ClassVar[tuple[int, ...]] = (202, 400, 403, 404)


class Mcp(Protocol):
    """What MCP's clients are told where the platform refuses."""

    schema: ClassVar[Object] = _MESSAGE
    # Mcp-Param-…, named by whoever declares a tool.
    any_headers: ClassVar[bool] = True

    @override
    def audiences(self, request: flask.Request) -> tuple[str, ...]:
        """Return the address itself, which is a resource: tokens for another endpoint aren't good here."""
        return (f"{envelope.api()}{request.path}",)

    @override
    def headers(self, api_error: ApiError, request: flask.Request) -> Mapping[str, str]:
        """Return the headers of an API error, with where to learn how to be let in."""
        metadata = f'resource_metadata="{envelope.api()}{PLACE}{request.path}"'
        if isinstance(api_error, Unauthenticated):
            told = api_error.headers["WWW-Authenticate"]
            return {**api_error.headers, "WWW-Authenticate": f'{told}, {metadata}, scope="user"'}
        if type(api_error) is Forbidden:
            return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="user", {metadata}'}
        return api_error.headers

    @override
    def body(self, api_error: ApiError, request: flask.Request) -> JsonValue:
        """Return an API error as one of JSON-RPC."""
        kinds = ((Malformed, PARSE), (Invalid, INVALID_PARAMS), (Internal, INTERNAL))
        code = next((code for kind, code in kinds if isinstance(api_error, kind)), REFUSED)
        data: Object = {"code": api_error.code, "trace_id": context.current().trace_id}
        return _error(json_rpc.id_in(request.get_data()), McpError(code, api_error.detail, data))


def _error(call_id: str | int | None, error: McpError) -> Object:
    return {"jsonrpc": "2.0", "id": call_id, "error": error.told()}


@dataclass(frozen=True)
class McpHeaders:
    """The headers of a request."""

    values: Mapping[str, str]
    """By their names in small letters."""

    def check_origin(self) -> None:
        """Raise McpError for a request by another name than ours, or from a page of somebody else's.

        So no page that a person opens elsewhere can have their browser ask what stands at an address of their own.
        """
        ours = _HERE | {urlsplit(envelope.api()).hostname}
        host = urlsplit(f"//{self.values.get('x-forwarded-host') or self.values.get('host', '')}")
        origin = self.values.get("origin")
        if _name(host.netloc) not in ours or (origin is not None and _name(urlsplit(origin).netloc) not in ours):
            raise McpError(REFUSED, "Host or Origin is foreign here: use the address that the platform is known by.")


def _name(address: str) -> str | None:
    try:
        return urlsplit(f"//{address}").hostname
    except ValueError:
        return None


class McpHeadersRead(Provider):
    """Fills a parameter that is a `McpHeaders`."""

    types = (McpHeaders,)
    settings = (API_URL,)

    @override
    def value(self, call: HttpCall) -> McpHeaders:
        """Return the headers."""
        return McpHeaders({name.lower(): value for name, value in call.request.headers})

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the headers that repeat what the body says."""
        text: Schema = {"in": "header", "schema": {"type": "string"}}
        repeated: list[JsonValue] = [
            text | {"name": "MCP-Protocol-Version", "required": True, "example": calls.VERSION},
            text | {"name": "Mcp-Method", "required": True, "example": _LIST},
            text | {"name": "Mcp-Name", "required": False},
        ]
        return {"parameters": repeated}


RESOURCES: Final = Resources(concurrency=32, timeout_seconds=570, group="function-schemas", settings=accepting.SETTINGS)
"""Of functions whose answers may take as long as an agent takes."""


def respond(body: McpBody, headers: McpHeaders, serve: Callable[[Call], Object | Later]) -> McpAnswer | Later:
    """Return the answer to a request: of what `serve` returns of it, or of the McpError that it raises."""
    try:
        headers.check_origin()
        call = calls.read(body.value)
        if call.id is None:
            return McpAnswer(None, status=202)
        calls.check_headers(call, headers.values)
        result = serve(call)
    except McpError as error:
        return refused(json_rpc.id_of(body.value), error)
    return result if isinstance(result, Later) else answered(call, result)


def answered(call: Call, result: Object) -> McpAnswer:
    """Return the answer that has a result."""
    return McpAnswer(message(call, result))


def message(call: Call, result: Object) -> Object:
    """Return the response of JSON-RPC that has a result."""
    return {"jsonrpc": "2.0", "id": call.id, "result": result}


def refused(call_id: str | int | None, error: McpError) -> McpAnswer:
    """Return the answer that has an error."""
    return McpAnswer(_error(call_id, error), status=error.status)
