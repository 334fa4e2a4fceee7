"""The header Idempotency-Key, for a handler that sees to it itself that what is asked twice is done once."""

from dataclasses import dataclass

from typing_extensions import override

from functions.runtime import idempotency
from functions.runtime.idempotency import IdempotencyKeyMalformed
from functions.runtime.providers.base import Call, Provider, Schema, Schemas, header


@dataclass(frozen=True)
class IdempotencyKey:
    """What the header says."""

    value: str | None
    """None if it isn't there."""

    def prefixed(self, prefix: str) -> str | None:
        """Return the key behind a prefix that keeps it apart from keys of other kinds; None if there is none."""
        return None if self.value is None else prefix + self.value


class OwnIdempotency(Provider):
    """Fills a parameter that is an `IdempotencyKey`."""

    types = (IdempotencyKey,)
    errors = (IdempotencyKeyMalformed,)

    @override
    def value(self, call: Call) -> IdempotencyKey:
        """Return what the header says. Raises IdempotencyKeyMalformed."""
        key = call.request.headers.get("Idempotency-Key")
        if key is not None and not idempotency.KEY.match(key):
            raise IdempotencyKeyMalformed
        return IdempotencyKey(key)

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the header as a parameter."""
        return {"parameters": [key_header()]}


def key_header() -> Schema:
    """Return the header as a parameter of any operation that honours it."""
    about = "Anything unique: repeating the request with it does nothing twice."
    return header("Idempotency-Key", about, pattern=idempotency.KEY.pattern)
