"""Errors of MCP: what is wrong with a request, by the protocol's own codes."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

PARSE: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL: Final = -32603
REFUSED: Final = -32000
"""What the platform refuses for a reason of its own, which `data` names."""
HEADER_MISMATCH: Final = -32020
CAPABILITY_MISSING: Final = -32021
VERSION_UNKNOWN: Final = -32022

STATUSES: Final = {METHOD_NOT_FOUND: 404, REFUSED: 403}
"""HTTP statuses of codes; the others have 400."""


class McpError(Exception):
    """A request is refused in the terms of MCP."""

    def __init__(self, code: int, message: str, data: Mapping[str, JsonValue] | None = None) -> None:
        """`message` is for people; `data` is what else the protocol tells with the code."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def status(self) -> int:
        """The HTTP status that goes with it."""
        return STATUSES.get(self.code, 400)

    def told(self) -> dict[str, JsonValue]:
        """Return the error object of JSON-RPC."""
        data: dict[str, JsonValue] = {} if self.data is None else {"data": dict(self.data)}
        return {"code": self.code, "message": self.message, **data}


def lacking(*capabilities: str) -> McpError:
    """Return the error for what needs capabilities that the client hasn't declared; `extensions/…` names one's name."""
    required: dict[str, JsonValue] = {}
    for each in capabilities:
        kind, _, name = each.partition("/")
        required[kind] = {name: {}} if name else {}
    named = ", ".join(capabilities)
    return McpError(
        CAPABILITY_MISSING, f"The client has to be able to do this: {named}.", {"requiredCapabilities": required}
    )
