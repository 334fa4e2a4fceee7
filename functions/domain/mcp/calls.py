"""Calls: a request of MCP, read from JSON and checked with its headers, in the order that the protocol wants."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from functions.domain.json_rpc import id_of
from functions.domain.mcp.errors import HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, VERSION_UNKNOWN, McpError

VERSION: Final = "2026-07-28"

TASKS: Final = "io.modelcontextprotocol/tasks"
"""The extension by which a call may outlive its connection."""

_PREFIX: Final = "io.modelcontextprotocol/"

_NAMED: Final = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""The parameter of a method that the header Mcp-Name repeats."""

Object = dict[str, JsonValue]


@dataclass(frozen=True)
class Call:
    """A request."""

    id: str | int | None
    """The client's; None for a notification, which is answered by nothing."""
    method: str
    params: Object
    capabilities: Object
    """What the client has declared with this request that it can do."""
    progress_token: str | int | None
    log_level: str | None
    """The least severe that is to be told of what happens meanwhile; None for nothing."""

    @property
    def takes_tasks(self) -> bool:
        """Whether the client knows calls that outlive their connection."""
        extensions = self.capabilities.get("extensions")
        return isinstance(extensions, dict) and TASKS in extensions

    def can(self, capability: str) -> bool:
        """Return whether the client has declared a capability, such as `sampling`."""
        return isinstance(self.capabilities.get(capability), dict)

    def text(self, name: str) -> str:
        """Return a parameter that is a text. Raises McpError."""
        value = self.params.get(name)
        if not isinstance(value, str):
            raise McpError(INVALID_PARAMS, f"params.{name} is a text.")
        return value

    def object(self, name: str) -> Object:
        """Return a parameter that is an object, empty if it is left out. Raises McpError."""
        value = self.params.get(name, {})
        if not isinstance(value, dict):
            raise McpError(INVALID_PARAMS, f"params.{name} is an object.")
        return value


def read(body: JsonValue) -> Call:
    """Return what a body asks for. Raises McpError."""
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0" or not isinstance(body.get("method"), str):
        raise McpError(INVALID_REQUEST, "This is no request of JSON-RPC 2.0: send one object with jsonrpc and method.")
    method, params = str(body["method"]), body.get("params", {})
    if not isinstance(params, dict):
        raise McpError(INVALID_REQUEST, "params is an object.")
    if "id" not in body:
        return Call(None, method, params, {}, None, None)
    if id_of(body) is None:
        raise McpError(INVALID_REQUEST, "id is a text or a whole number.")
    meta = params.get("_meta")
    meta = meta if isinstance(meta, dict) else {}
    capabilities = meta.get(f"{_PREFIX}clientCapabilities")
    if not isinstance(meta.get(f"{_PREFIX}protocolVersion"), str) or not isinstance(capabilities, dict):
        raise McpError(
            INVALID_PARAMS,
            f"params._meta has {_PREFIX}protocolVersion, a text, and {_PREFIX}clientCapabilities, an object: "
            f"this server speaks MCP {VERSION}, without initialize.",
        )
    token, level = meta.get("progressToken"), meta.get(f"{_PREFIX}logLevel")
    return Call(
        id_of(body),
        method,
        params,
        capabilities,
        token if isinstance(token, str | int) else None,
        level if isinstance(level, str) else None,
    )


def check_headers(call: Call, headers: Mapping[str, str]) -> None:
    """Raise McpError unless the headers, by their names in small letters, repeat what the body says."""
    meta = call.params["_meta"]
    version = meta.get(f"{_PREFIX}protocolVersion") if isinstance(meta, dict) else None
    _check(headers, "MCP-Protocol-Version", str(version))
    if version != VERSION:
        raise McpError(
            VERSION_UNKNOWN,
            f"This server speaks MCP {VERSION}.",
            {"supported": [VERSION], "requested": str(version)},
        )
    _check(headers, "Mcp-Method", call.method)
    named = _NAMED.get(call.method)
    if named is not None and isinstance(call.params.get(named), str):
        _check(headers, "Mcp-Name", str(call.params[named]))


def check_arguments(schema: Object, arguments: Object, headers: Mapping[str, str]) -> None:
    """Raise McpError unless arguments whose schema says so by `x-mcp-header` are repeated by headers."""
    properties = schema.get("properties")
    for name, each in properties.items() if isinstance(properties, dict) else ():
        repeated = each.get("x-mcp-header") if isinstance(each, dict) else None
        if not isinstance(repeated, str):
            continue
        header, value = f"Mcp-Param-{repeated}", arguments.get(name)
        if value is not None:
            _check(headers, header, value if isinstance(value, str) else json.dumps(value))
        elif header.lower() in headers:
            raise McpError(HEADER_MISMATCH, f"The header {header} is there, and the argument {name} isn't.")


def _check(headers: Mapping[str, str], name: str, value: str) -> None:
    sent = headers.get(name.lower())
    if sent is None:
        raise McpError(HEADER_MISMATCH, f"The header {name} is missing: it repeats what the body says.")
    if _decoded(sent.strip(" \t"), name) != value:
        raise McpError(HEADER_MISMATCH, f"The header {name} says something else than the body.")


def _decoded(sent: str, name: str) -> str:
    """Return a header's value, which may be in Base64 as `=?base64?…?=`. Raises McpError."""
    if not (sent.startswith("=?base64?") and sent.endswith("?=")):
        return sent
    try:
        return base64.b64decode(sent.removeprefix("=?base64?").removesuffix("?="), validate=True).decode()
    except (binascii.Error, ValueError):
        raise McpError(HEADER_MISMATCH, f"The header {name} is no Base64 of UTF-8.") from None
