"""Dead letters: events that a subscriber could not handle, kept until somebody redrives or discards them."""

import json
import re
from typing import Any, Final

from sqlalchemy import RowMapping, text

from events.wire import NotAnEventError, decode
from functions.domain.databases import SharedDb
from functions.domain.refusals import Conflict, NotFound

_ID: Final = re.compile(r"[a-z]{3}_[0-9a-f]{32}")
_CODE: Final = re.compile(r"[a-z0-9_.:+-]{1,40}|\d{4}-\d\d-\d\d[T ][0-9:.]+(Z|[+-]\d\d:\d\d)")

_COLUMNS: Final = (
    "id, queue, event_id, source, type, subject, reason, detail, attempts, died_at,"
    " resolution, resolved_by, resolved_at"
)
_LIST: Final = text(
    f"select {_COLUMNS} from dead_letters where (cast(:queue as text) is null or queue = :queue)"  # noqa: S608 - a constant
    " and (cast(:type as text) is null or type = :type) and (:resolved = (resolution is not null))"
    " and (cast(:after as text) is null or id < :after) order by id desc limit :limit"
)
_READ: Final = text(f"select {_COLUMNS}, event from dead_letters where id = :id")  # noqa: S608 - a constant


class DeadLetterNotFound(NotFound):
    """There is no such dead letter."""


class DeadLetterResolved(Conflict):
    """This dead letter was redriven or discarded before."""


class DeadLetterUnreadable(Conflict):
    """This dead letter is no event, so it can't be redriven: discard it."""


def listed(  # noqa: PLR0913 - each is a filter, given by name
    db: SharedDb,
    *,
    queue: str | None,
    type: str | None,  # noqa: A002 - the name that CloudEvents gives it
    resolved: bool,
    after: str | None,
    limit: int,
) -> list[RowMapping]:
    """Return dead letters, newest first, of a queue, of an event type; None stands for any."""
    values = {"queue": queue, "type": type, "resolved": resolved, "after": after, "limit": limit}
    return list(db.execute(_LIST, values).mappings())


def read(db: SharedDb, letter: str) -> dict[str, Any]:
    """Return a dead letter with its event, in which free text is masked."""
    row = db.execute(_READ, {"id": letter}).mappings().first()
    if row is None:
        raise DeadLetterNotFound
    try:
        event = json.loads(row["event"])
    except (ValueError, RecursionError):
        event = None
    if isinstance(event, dict) and "data" in event:
        event |= {"data": masked(event["data"])}
    return dict(row) | {"event": event if isinstance(event, dict) else None}


def redrive(db: SharedDb, letter: str, resolver: str) -> None:
    """Send a dead letter to the queue that it died in, once more and with its own id."""
    row = db.execute(_READ, {"id": letter}).mappings().first()
    if row is None:
        raise DeadLetterNotFound
    try:
        decode(row["event"].encode())
    except NotAnEventError:
        raise DeadLetterUnreadable from None
    if not db.scalar(text("select redrive_dead_letter(:letter, :by)"), {"letter": letter, "by": resolver}):
        raise DeadLetterResolved


def discard(db: SharedDb, letter: str, resolver: str) -> None:
    """Give a dead letter up for good; it stays to be read."""
    if db.execute(_READ, {"id": letter}).first() is None:
        raise DeadLetterNotFound
    if not db.scalar(text("select discard_dead_letter(:letter, :by)"), {"letter": letter, "by": resolver}):
        raise DeadLetterResolved


def masked(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return `value` with its texts replaced by their length, except ids, times and codes."""
    if isinstance(value, dict):
        return {key: masked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [masked(each) for each in value]
    if isinstance(value, str) and not _ID.fullmatch(value) and not _CODE.fullmatch(value):
        return f"<{len(value)} characters>"
    return value
