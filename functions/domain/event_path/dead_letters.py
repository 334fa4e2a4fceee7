"""Parked events, which can't be published, and dead letters, which a subscriber could not handle.

Both kinds wait in the database in which they got stuck until somebody redrives or discards them, and stay to be read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Final

from pydantic import JsonValue
from sqlalchemy import Connection, text

from functions.domain.api_errors import NotFound

Databases = Mapping[str, Connection]
"""A transaction on each database that is looked into, by its name."""

_ID: Final = re.compile(r"[a-z]{3}_[0-9a-f]{32}")
_CODE: Final = re.compile(r"[a-z0-9_.:+-]{1,40}|\d{4}-\d\d-\d\d[T ][0-9:.]+(Z|[+-]\d\d:\d\d)")

_COLUMNS: Final = (
    "id, kind, queue, event_id, source, type, subject, reason, detail, attempts, died_at,"
    " resolution, resolved_by, resolved_at, resolution_reason"
)
MATCH: Final = (
    "(cast(:kind as text) is null or kind = :kind) and (cast(:queue as text) is null or queue = :queue)"
    " and (cast(:type as text) is null or type = :type) and (cast(:reason as text) is null or reason = :reason)"
)
_LIST: Final = text(
    f"select {_COLUMNS} from all_dead_letters where {MATCH} and (:resolved = (resolution is not null))"  # noqa: S608 - constants
    " and (cast(:after as text) is null or id < :after) order by id desc limit :limit"
)
_READ: Final = text(f"select {_COLUMNS}, event from all_dead_letters where id = :id")  # noqa: S608 - a constant


class DeadLetterNotFound(NotFound):
    """There is no such dead letter or parked event."""


@dataclass(frozen=True)
class Filter:
    """Dead letters of a kind (`parked`, `dead`), a queue, an event type, a reason, a database; None stands for any."""

    kind: str | None = None
    queue: str | None = None
    type: str | None = None
    reason: str | None = None
    database: str | None = None

    def values(self) -> dict[str, str | None]:
        """Return the parameters of MATCH."""
        return asdict(self)

    def among(self, databases: Databases) -> dict[str, Connection]:
        """Return the databases that the filter includes."""
        return {name: db for name, db in databases.items() if self.database in (None, name)}


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter or a parked event."""

    database: str
    """The database that it is kept in."""
    id: str
    kind: str
    """`dead` or `parked`."""
    queue: str | None
    event_id: str
    source: str
    type: str
    subject: str
    reason: str
    """The code of the reason."""
    detail: str
    attempts: int
    died_at: datetime
    resolution: str | None
    """`redriven` or `discarded`; None while it is open."""
    resolved_by: str | None
    resolved_at: datetime | None
    resolution_reason: str | None


@dataclass(frozen=True)
class WholeDeadLetter(DeadLetter):
    """A dead letter with its event."""

    event: dict[str, JsonValue] | None
    """With free text redacted; None when it is no event."""


def listed(
    databases: Databases, criteria: Filter, *, resolved: bool, after: str | None, limit: int
) -> list[DeadLetter]:
    """Return dead letters, newest first, behind the id `after`: the open ones, or those that are resolved."""
    values = criteria.values() | {"resolved": resolved, "after": after, "limit": limit}
    found = [
        [DeadLetter(name, *row) for row in db.execute(_LIST, values)] for name, db in criteria.among(databases).items()
    ]
    return list(islice(merge(*found, key=lambda found: found.id, reverse=True), limit))


def read(databases: Databases, dead_letter: str) -> WholeDeadLetter:
    """Return a dead letter with its event, in which free text is masked."""
    for name, db in databases.items():
        row = db.execute(_READ, {"id": dead_letter}).first()
        if row is not None:
            values = (*row[:-1], shown(row.event))
            return WholeDeadLetter(name, *values)
    raise DeadLetterNotFound


def shown(event: str) -> dict[str, JsonValue] | None:
    """Return an event's JSON with the free text in its data masked; None when it is no event."""
    try:
        document = json.loads(event)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return document | {"data": redacted(document["data"])} if "data" in document else document


def redacted(value: JsonValue) -> JsonValue:
    """Return `value` with its texts replaced by their length, except ids, times and codes."""
    if isinstance(value, dict):
        return {key: redacted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [redacted(each) for each in value]
    if isinstance(value, str) and not _ID.fullmatch(value) and not _CODE.fullmatch(value):
        return f"<{len(value)} characters>"
    return value
