"""subscriptions/listen: a stream that tells when an instance offers something else, and how tasks are."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from pydantic import JsonValue

from functions.domain.databases import SharedDb
from functions.domain.mcp import changes, tasks
from functions.domain.mcp.calls import Call
from functions.runtime.event_stream import EventStream, Frame, Read
from functions.runtime.mcp.progress import notification
from functions.runtime.mcp.running import SECONDS, Runs

Object = dict[str, JsonValue]

MOST_TASKS: Final = 100

REST_SECONDS: Final = 0.2
"""Between two looks."""

_EARLIER: Final = timedelta(seconds=5)
"""By which what an agent says may be seen later than its time says."""


class Listening:
    """What one client listens to."""

    def __init__(self, call: Call, runs: Runs) -> None:
        """Tell what the call asks for of its runs' instance, or of tasks alone where there is none."""
        self._id = call.id
        self._runs = runs
        asked = call.object("notifications")
        lists = changes.LISTS if runs.instance_id is not None else ()
        self._lists = [each for each in lists if asked.get(f"{each}ListChanged") is True]
        ids = asked.get("taskIds")
        self._tasks = [each for each in ids if isinstance(each, str)][:MOST_TASKS] if isinstance(ids, list) else []
        if not call.takes_tasks:
            self._tasks = []
        self._told: dict[str, str] = {}
        self._seen: set[tuple[str, int]] = set()
        with runs.transactions.reading() as db:
            self._since = changes.now(db) - _EARLIER
            self._version = self._serving(db)
            self._seen.update(each.place for each in self._words(db))
        self._acknowledged = False

    def stream(self) -> EventStream:
        """Return the stream, which ends after some minutes: the client then listens anew."""
        return EventStream(self._read, after=0, seconds=SECONDS, pace=lambda _idle: REST_SECONDS)

    def _read(self, after: int) -> Read:
        if not self._acknowledged:
            self._acknowledged = True
            honoured: Object = {f"{each}ListChanged": True for each in self._lists}
            if self._tasks:
                honoured["taskIds"] = list(self._tasks)
            return Read([self._frame("subscriptions/acknowledged", {"notifications": honoured})], after, more=True)
        with self._runs.transactions.reading() as db:
            return Read([*self._changed(db), *self._tasks_changed(db)], after)

    def _serving(self, db: SharedDb) -> str | None:
        of = self._runs.instance_id
        return None if of is None or not self._lists else changes.serving(db, of)

    def _words(self, db: SharedDb) -> Iterator[changes.Word]:
        if self._runs.instance_id is not None and self._lists:
            yield from changes.words(db, self._runs.instance_id, self._since)

    def _changed(self, db: SharedDb) -> Iterator[Frame]:
        changed: set[str] = set()
        version = self._serving(db)
        if version not in {None, self._version}:
            self._version = version
            changed.update(self._lists)
        for word in self._words(db):
            if word.place not in self._seen:
                self._seen.add(word.place)
                changed.update(word.lists)
        for each in self._lists:
            if each in changed:
                yield self._frame(f"{each}/list_changed", {})

    def _tasks_changed(self, db: SharedDb) -> Iterator[Frame]:
        for run in changes.runs_of(db, self._tasks, self._runs.of):
            if self._told.get(run.id) != run.status:
                self._told[run.id] = run.status
                yield self._frame("tasks", tasks.detailed(db, run))

    def _frame(self, kind: str, params: Mapping[str, JsonValue]) -> Frame:
        meta: Object = {"io.modelcontextprotocol/subscriptionId": self._id}
        return notification(f"notifications/{kind}", {**params, "_meta": meta})
