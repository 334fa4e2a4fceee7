"""What agents ask of their memories, as hosts pass it on: whose memory it is, and what is to be done with it."""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue
from typing_extensions import override

from functions.domain.api_errors import Malformed, TooLarge, Unauthenticated, UnsupportedMediaType
from functions.domain.instances import memory_tokens
from functions.domain.instances.memory_tokens import Bearer, MemoryTokenInvalid
from functions.runtime.declarations import Declaration
from functions.runtime.providers.any_json import AnyJson, AnyJsonBody
from functions.runtime.providers.base import CALLER, Call, Parameter, Provider
from functions.runtime.providers.callers import bearer

READ: Final = "GET"
WRITE: Final = "PUT"
FORGET: Final = "DELETE"


class MemoryGuard(Provider):
    """Fills a parameter that is the `Bearer` of a memory token."""

    types = (Bearer,)
    stage = CALLER
    errors = (Unauthenticated, MemoryTokenInvalid)

    @override
    def value(self, call: Call) -> Bearer:
        """Return whose memory it is. Raises Unauthenticated and MemoryTokenInvalid."""
        return memory_tokens.check(bearer(call.request.headers.get("Authorization")))

    @override
    def secrets(self, declaration: Declaration) -> tuple[str, ...]:
        """Return the name of the secret with the keys of memory tokens."""
        return (memory_tokens.KEYS_NAME,)


@dataclass(frozen=True)
class MemoryRequest:
    """What is to be done with what is remembered under a key."""

    method: str
    """READ, WRITE or FORGET."""
    value: JsonValue
    """What is to be written; None for the others."""


class MemoryRequests(Provider):
    """Fills a parameter that is a `MemoryRequest`."""

    types = (MemoryRequest,)
    errors = (Malformed, TooLarge, UnsupportedMediaType)
    methods = (READ, WRITE, FORGET)

    def __init__(self, parameter: Parameter) -> None:
        """Read the body as any JSON."""
        super().__init__(parameter)
        self._body = AnyJsonBody(Parameter(parameter.name, AnyJson, in_path=False))

    @override
    def value(self, call: Call) -> MemoryRequest:
        """Return the method, and the body of a WRITE. Raises what `AnyJsonBody.value` does."""
        method = call.request.method
        return MemoryRequest(method, self._body.value(call).value if method == WRITE else None)
