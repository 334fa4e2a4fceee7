"""The audit trail of requests: one entry for each that changes something, in the transaction that does.

What a handler changes and the entry of it are committed together, in each database that it changes, so that there is
no change without one. What is refused to somebody, what ended in a bug, and what staff read of others have entries of
their own. Of a read nothing is shown unless its entry is kept; what is refused stays so whatever becomes of its entry.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, JsonValue
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from core import context
from functions.domain.api_errors import ApiError, Forbidden, Unauthenticated
from functions.runtime.databases import DatabaseUnavailable, described, transaction

if TYPE_CHECKING:
    from functions.domain.audit.entries import Outcome
    from functions.runtime.providers.base import Call

log = logging.getLogger(__name__)

SYSTEM: Final = "system"
"""The actor of a context in which nobody is known yet."""

ANONYMOUS: Final = "anonymous"
"""The actor of what somebody did who wasn't known."""

TARGETS: Final = re.compile(r"\w+_id|id|slug|instance")
"""The names of what in a path says what the request is about."""

TOLD: Final = frozenset({"number", "channel", "name", "event_type", "provider", "sha256"})
"""The names of what else in a path is told; all others are people's own words."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~:-]{1,100}")
"""What a value of a path has to be like: whoever is refused may have written anything there."""

_ABOUT: Final = ("id", "owner_id", "account_id")
"""The members of a reply that say what the request was about."""


class Audit:
    """What the entry of a call says; a handler's parameter of this type says more than the request does."""

    def __init__(self, call: "Call") -> None:
        """Begin with nothing."""
        self._call = call
        self._targets: list[str] = []
        self._changes: dict[str, JsonValue] = {}
        self._reply: object = None
        self._before: BaseModel | None = None

    def about(self, *ids: str) -> None:
        """Name something that the call is about, beside what the path and the reply say."""
        self._targets.extend(ids)

    def changed(self, before: JsonValue, after: JsonValue) -> None:
        """Tell what was there before and what is there now, without what is secret."""
        self._changes = {"before": before, "after": after}

    def was(self, before: BaseModel) -> None:
        """Tell what a handler would have answered before its change: how its reply differs from that is told.

        Of what the reply's class says isn't to be told, only the names are.
        """
        self._before = before

    def enter(self, db: Connection, *ids: str, action: str | None = None) -> None:
        """Append an entry in a transaction that the handler has opened itself: of its call, or of an action in it.

        `ids` are of what it is about, beside what the path says. In a transaction that is open all the time it needn't.
        """
        self._append(db, "succeeded", about=ids, action=action)

    def replied(self, reply: object) -> None:
        """Append the entry of what a handler has done, in each transaction in which it may have changed something."""
        self._reply = reply
        if self._before is not None and type(reply) is type(self._before):
            self._changes = _differences(self._before, reply)
        if self._call.declaration.changes:
            for db in self._call.open_sessions:
                self._append(db, "succeeded")

    def kept(self, api_error: ApiError) -> None:
        """Append the entry of what is refused and is an act itself."""
        for db in self._call.open_sessions:
            self._append(db, "refused", code=api_error.code)

    @contextmanager
    def to_its_end(self) -> Iterator[None]:
        """Append entries that have a transaction of their own, when the call's own have ended.

        They need a connection, of which a process has few: whoever waits for one must not hold another.
        """
        try:
            yield
        except Exception as error:
            self._ended(error)
            raise
        if self._is_told_of_apart():
            with self._transaction() as db:
                self._append(db, "succeeded")

    def _is_told_of_apart(self) -> bool:
        """Return whether a call that succeeded has an entry of its own, since it has none of a change.

        Staff are shown what is others', in person or when they act for somebody: that is kept each time.
        """
        declaration = self._call.declaration
        return declaration.is_watched or (self._call.impersonation is not None and not declaration.changes)

    def _ended(self, error: Exception) -> None:
        """Append the entry of a call that was refused to somebody, or of a change that ended in a bug, if possible."""
        refused = error if isinstance(error, ApiError) else None
        if not (self._call.declaration.changes if refused is None else self._is_noteworthy(refused)):
            return
        try:
            with self._transaction() as db:
                if refused is None:
                    self._append(db, "failed")
                else:
                    self._append(db, "refused", code=refused.code, about=refused.about)
        except (DatabaseUnavailable, DBAPIError) as cause:
            log.warning("no entry was kept of what was refused or ended in a bug: %s", described(cause))

    def _is_noteworthy(self, api_error: ApiError) -> bool:
        """Return whether somebody was refused who is known, or who tried to log in.

        Of tokens that nobody here has given out, or that have merely expired, the log and the metrics tell: a table
        that nothing is deleted from is no place for what anybody may write as often as they like.
        """
        if api_error.commits or not isinstance(api_error, Unauthenticated | Forbidden):
            return False
        declaration, was_let_in = self._call.declaration, self._call.caller_id is not None
        if was_let_in:
            return declaration.audited or self._call.impersonation is not None
        return _actor() != ANONYMOUS or (declaration.changes and not declaration.is_guarded)

    def _transaction(self) -> AbstractContextManager[Connection]:
        declaration = self._call.declaration
        return transaction((*declaration.databases, "shared_psql")[0], declaration.api)

    def _append(
        self,
        db: Connection,
        outcome: "Outcome",
        *,
        code: str | None = None,
        about: tuple[str, ...] = (),
        action: str | None = None,
    ) -> None:
        # Not every call has an entry, and no function starts for it.
        from functions.domain.audit.entries import NewEntry, append

        details: dict[str, JsonValue] = {"context": self._context(), **self._changes}
        if code is not None:
            details["code"] = code
        reason = self._call.reason
        if reason is not None:
            details["reason"] = reason
        path: dict[str, JsonValue] = {name: value for name, value in self._path() if name in TOLD}
        if path:
            details["path"] = path
        targets = tuple(dict.fromkeys([*self._ids(), *about]))
        name = action or self._call.declaration.name
        append(db, NewEntry("request", _actor(), name, targets, outcome, details))

    def _path(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for name, value in self._call.path_values.items() if _PLAIN.fullmatch(value))

    def _ids(self) -> Iterator[str]:
        """Yield what the call is about; the caller is not, unless the path says so."""
        yield from (value for name, value in self._path() if TARGETS.fullmatch(name))
        yield from self._targets
        if self._call.impersonation is not None and self._call.caller_id is not None:
            # Whoever acts is somebody else, and what they do is done to the account.
            yield self._call.caller_id
        named = (getattr(self._reply, name, None) for name in _ABOUT)
        yield from (each for each in named if isinstance(each, str) and each != self._call.caller_id)

    def _context(self) -> dict[str, JsonValue]:
        from functions.runtime.clients import of_request

        declaration, client = self._call.declaration, of_request(self._call.request)
        told = {
            "network": client.network,
            "device": client.device,
            "route": f"{declaration.method} {declaration.path}",
            "trace_id": context.current().trace_id,
        }
        return {name: value for name, value in told.items() if value}


UNCOUNTED: Final = frozenset({"row_version", "updated_at", "message", "next", "conditions"})
"""Fields that are others after each change, or follow from those that are."""


def _differences(before: BaseModel, after: BaseModel) -> dict[str, JsonValue]:
    """Return the fields that differ, before and after, and the names of those that differ and aren't to be told."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    changed = [name for name in new if name not in UNCOUNTED and old.get(name) != new[name]]
    untold: frozenset[str] = getattr(type(after), "untold", frozenset())
    told = [name for name in changed if name not in untold]
    found: dict[str, JsonValue] = {}
    if told:
        found = {"before": {name: old.get(name) for name in told}, "after": {name: new[name] for name in told}}
    if hidden := sorted(set(changed) & untold):
        found["changed"] = list[JsonValue](hidden)
    return found


def _actor() -> str:
    actor = context.current().actor
    return ANONYMOUS if actor == SYSTEM else actor
