"""API errors as A2A tells them: by a reason, a code of JSON-RPC, and a status of gRPC."""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from core import context
from functions.domain import api_errors
from functions.domain.a2a.errors import A2AError
from functions.domain.api_errors import ApiError
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime import problems

DOMAIN: Final = "a2a-protocol.org"
OWN_DOMAIN: Final = "botberi"
"""Of the reasons that A2A has no word for."""

_ERROR: Final[dict[str, JsonValue]] = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}

SCHEMA: Final[dict[str, JsonValue]] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": _ERROR},
}


@dataclass(frozen=True)
class ToldError:
    """How a kind of API errors is told."""

    reason: str
    rpc_code: int
    rpc_status: str
    http_status: int


_INVALID: Final = ToldError("INVALID_PARAMS", -32602, "INVALID_ARGUMENT", 400)
_INTERNAL: Final = ToldError("INTERNAL_ERROR", -32603, "INTERNAL", 500)

_KINDS: Final[dict[type[ApiError], ToldError]] = {
    InstanceNotFound: ToldError("AGENT_NOT_FOUND", -32603, "NOT_FOUND", 404),
    api_errors.Unauthenticated: ToldError("UNAUTHENTICATED", -32603, "UNAUTHENTICATED", 401),
    api_errors.Forbidden: ToldError("PERMISSION_DENIED", -32603, "PERMISSION_DENIED", 403),
    api_errors.Malformed: ToldError("INVALID_REQUEST", -32700, "INVALID_ARGUMENT", 400),
    api_errors.TooLarge: ToldError("INVALID_REQUEST", -32600, "INVALID_ARGUMENT", 413),
    api_errors.UnsupportedMediaType: ToldError("CONTENT_TYPE_NOT_SUPPORTED", -32005, "INVALID_ARGUMENT", 400),
    api_errors.Invalid: _INVALID,
    api_errors.NotFound: ToldError("NOT_FOUND", -32603, "NOT_FOUND", 404),
    api_errors.Conflict: ToldError("UNSUPPORTED_OPERATION", -32004, "FAILED_PRECONDITION", 400),
    api_errors.TooMany: ToldError("RESOURCE_EXHAUSTED", -32603, "RESOURCE_EXHAUSTED", 429),
    api_errors.Unavailable: ToldError("UNAVAILABLE", -32603, "UNAVAILABLE", 503),
}


def of(kind: type[ApiError]) -> ToldError:
    """Return how a kind of API errors is told: as the nearest kind that it descends from."""
    if issubclass(kind, A2AError):
        return ToldError(kind.reason, kind.rpc_code, kind.rpc_status, problems.status_of(kind))
    return next((_KINDS[each] for each in kind.__mro__ if each in _KINDS), _INTERNAL)


def details(api_error: ApiError) -> list[JsonValue]:
    """Return the details of an error: its reason, ours, and which fields are wrong."""
    told = of(type(api_error))
    found: list[JsonValue] = [
        _info(told.reason, DOMAIN, {}),
        _info(api_error.code.upper(), OWN_DOMAIN, {"code": api_error.code, "trace_id": context.current().trace_id}),
    ]
    if api_error.errors:
        violations: list[JsonValue] = [
            {"field": each.pointer, "description": each.message} for each in api_error.errors
        ]
        found.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    return found


def _info(reason: str, domain: str, metadata: dict[str, JsonValue]) -> JsonValue:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": domain, "metadata": metadata}
