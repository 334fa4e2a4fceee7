"""The header Idempotency-Key, for a handler that sees to it itself that what is asked twice is done once."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection
from typing_extensions import override

from functions.runtime import idempotency
from functions.runtime.idempotency import IdempotencyKeyMalformed
from functions.runtime.providers.base import Call, Provider, Schema, Schemas, header


@dataclass(frozen=True)
class IdempotencyKey:
    """What the header says."""

    value: str | None
    """None if it isn't there."""
    _keyed: Callable[[], idempotency.Request | None]
    """Returns the request with its key; once it has been read."""

    def once(self, db: Connection, make: Callable[[], str]) -> str:
        """Return what `make` has returned to the first request with this key; what it returns now if there is no key.

        Raises IdempotencyKeyReused and IdempotencyKeyInFlight.
        """
        request = self._keyed()
        return make() if request is None else request.once(db, make)

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
        return IdempotencyKey(key, lambda: idempotency.keyed(call.caller_id, call.declaration.name, call.request))

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the header as a parameter."""
        return {"parameters": [key_header()]}


def key_header() -> Schema:
    """Return the header as a parameter of any operation that honours it."""
    about = "Anything unique: repeating the request with it does nothing twice."
    return header("Idempotency-Key", about, pattern=idempotency.KEY.pattern)
