"""Idempotency-Key: the same POST twice creates one thing, and both times gets the same answer.

The key is kept with the request's fingerprint and the answer in the database that the request changes, in the same
transaction, so that there is no moment in which one exists without the other.
"""

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, text

from functions.domain.api_errors import Conflict, Malformed
from functions.domain.idempotency import IdempotencyKeyReused

if TYPE_CHECKING:
    import flask

KEY: Final = re.compile(r"^[!-~]{1,255}$")


class IdempotencyKeyMalformed(Malformed):
    """Idempotency-Key is 1 to 255 printable ASCII characters without spaces, such as a UUID."""


class IdempotencyKeyInFlight(Conflict):
    """The first request with this Idempotency-Key is still being worked on: try again in a moment."""


_LOCK: Final = text("select pg_try_advisory_xact_lock(hashtextextended(:caller || ' ' || :key, 0))")
_FIND: Final = text("select fingerprint, response from idempotency_keys where caller = :caller and key = :key")
_SAVE: Final = text(
    "insert into idempotency_keys (caller, key, fingerprint, response) values (:caller, :key, :fingerprint, :response)"
)


def fingerprint(function: str, path: str, body: bytes) -> str:
    """Return a hash by which two requests with one key are compared: equal JSON is equal however it is written."""
    with suppress(ValueError):
        body = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(b"\0".join((function.encode(), path.encode(), body))).hexdigest()


@dataclass(frozen=True)
class Request:
    """A request that came with a key."""

    caller: str
    key: str
    fingerprint: str

    def __post_init__(self) -> None:
        """Raise IdempotencyKeyMalformed for a key that doesn't fit KEY."""
        if not KEY.match(self.key):
            raise IdempotencyKeyMalformed

    def answer(self, db: Connection) -> str | None:
        """Return the JSON answer that the first request with this key got, or None if this is the first."""
        found = db.execute(_FIND, {"caller": self.caller, "key": self.key}).first()
        if found is None:
            return None
        if found.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused
        return str(found.response)

    def once(self, db: Connection, run: Callable[[], str]) -> str:
        """Return the JSON answer of the first request with this key; if this is the first, it is what `run` returns."""
        if not db.scalar(_LOCK, {"caller": self.caller, "key": self.key}):
            raise IdempotencyKeyInFlight
        known = self.answer(db)
        if known is not None:
            return known
        answer = run()
        db.execute(_SAVE, {**vars(self), "response": answer})
        return answer


def keyed(caller_id: str | None, function: str, request: "flask.Request") -> Request | None:
    """Return a request that has been read, if it came with a caller and a key. Raises IdempotencyKeyMalformed."""
    key = request.headers.get("Idempotency-Key")
    if key is None or caller_id is None:
        return None
    return Request(caller_id, key, fingerprint(function, request.path, request.get_data()))
