"""What the endpoints of owners and of administrators answer of an instance's log: a page, or a stream."""

import json
from typing import Final

from functions.domain.api_errors import BAD_CURSOR, Invalid
from functions.domain.databases import SharedDb
from functions.domain.instances import log_reading
from functions.runtime.declarations import Resources
from functions.runtime.event_stream import EventStream, Frame, Read
from functions.runtime.providers.databases import SharedTransactions
from functions.runtime.providers.streaming import NUMBER, StreamRequest
from functions.schemas.base import Page
from functions.schemas.instance_logs import InstanceLogLine, LogQuery
from shared_psql_models.instance_logs import LogLine

RESOURCES: Final = Resources(concurrency=32, timeout_seconds=30)

AT_ONCE: Final = 500
"""Lines that a stream reads at a time."""


def answer(
    db: SharedDb, transaction: SharedTransactions, instance_id: str, query: LogQuery, asked: StreamRequest
) -> Page[InstanceLogLine] | EventStream:
    """Return what is asked for of an instance's log. Raises Invalid."""
    return _stream(db, transaction, instance_id, query, asked) if asked.wanted else _page(db, instance_id, query)


def _page(db: SharedDb, instance_id: str, query: LogQuery) -> Page[InstanceLogLine]:
    """Return a page of an instance's log. Raises Invalid."""
    before = query.after()
    if before is not None and not NUMBER.fullmatch(before):
        raise Invalid(errors=[BAD_CURSOR])
    number = None if before is None else int(before)
    rows = log_reading.newest(db, instance_id, query.filter, before=number, limit=query.limit + 1)
    return query.page(rows, InstanceLogLine, key="number")


def _stream(
    db: SharedDb, transaction: SharedTransactions, instance_id: str, query: LogQuery, asked: StreamRequest
) -> EventStream:
    """Return a stream of an instance's log: from the last event that was seen, or with the newest lines at first."""

    def read(after: int) -> Read:
        with transaction() as own:
            until, lines = log_reading.following(own, instance_id, query.filter, after=after, limit=AT_ONCE)
        frames = [_frame(line) for line in lines]
        return Read(frames, until, more=len(lines) == AT_ONCE)

    after = asked.last_event_id
    if after is None:
        after = log_reading.before_newest(db, instance_id, query.filter, limit=query.limit)
    return EventStream(read, after=after)


def _frame(line: LogLine) -> Frame:
    shown = InstanceLogLine.model_validate(line).model_dump(mode="json")
    return Frame(json.dumps(shown, ensure_ascii=False), id=line.sequence)
