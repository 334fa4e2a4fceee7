"""Runs whose runner is the test: rows, what is appended to them, and the hints of it; and readers of their streams."""

import json
import uuid
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse
from typing import NamedTuple, Self

import redis
from sqlalchemy import text

from core.configuration import secret
from functions.runtime.run_hints import PREFIX
from migrations.databases import connect
from tools.documents import Document

_BEGIN = """
insert into runs (id, conversation_id, position, instance_id, owner_id, message_id, message,
                  status, reason, explanation, seconds, deadline_at)
values (:id, 'cnv_1', :position, 'ins_1', :owner, 'msg_1', '{}', 'running', 'started', 'It runs.', 600,
        now() + interval '1 hour')
"""

_APPEND = """
with said as (
  select * from jsonb_to_recordset(cast(:events as jsonb)) as (sequence bigint, at timestamptz, type text, data jsonb)
), kept as (
  insert into run_events (run_id, sequence, at, type, data) select :id, sequence, at, type, data from said
) update runs set last_sequence = :last, status = :status,
    deadline_at = case when :status = 'completed' then null else deadline_at end,
    ended_at = case when :status = 'completed' then now() end
  where id = :id
"""


class PlayedRun:
    """A run, and what its runner does."""

    def __init__(self, hints: redis.Redis | None, owner: str = "usr_ada") -> None:
        """Begin one; without `hints` nobody is told of its events."""
        self.id = f"run_{uuid.uuid4().hex}"
        self.owner = owner
        self.last = 0
        self.said: list[tuple[int, str, Document]] = []
        """Number, type and data of all its events."""
        self.hint = ""
        """What was told of it last, or would have been."""
        self._hints = hints
        self._run(_BEGIN, {"id": self.id, "position": uuid.uuid4().int % 2**31, "owner": owner})

    @staticmethod
    def _run(statement: str, values: Mapping[str, object]) -> None:
        with connect("shared_psql", "postgres", secret("psql-superuser")).begin() as db:
            # What it refers to is of no interest here.
            db.execute(text("set local session_replication_role = replica"))
            db.execute(text(statement), values)

    def say(self, *texts: str, hinted: bool = True) -> Self:
        """Append pieces of a reply."""
        return self._append([("text", {"text": each}) for each in texts], "running", hinted=hinted)

    def end(self, *, hinted: bool = True) -> Self:
        """Let it be completed."""
        ended = {"status": "completed", "reason": "completed", "explanation": "It has answered.", "attempt": 1}
        return self._append([("status", ended)], "completed", hinted=hinted)

    def _append(self, events: list[tuple[str, Document]], status: str, *, hinted: bool) -> Self:
        told: list[Document] = [
            {"sequence": number, "at": "2026-01-02T03:04:05.678901+00:00", "type": kind, "data": data}
            for number, (kind, data) in enumerate(events, self.last + 1)
        ]
        self.last += len(told)
        self.said += [(each["sequence"], each["type"], each["data"]) for each in told]
        self._run(_APPEND, {"id": self.id, "events": json.dumps(told), "last": self.last, "status": status})
        self.hint = json.dumps({"run_id": self.id, "events": told})
        if hinted and self._hints is not None:
            self._hints.publish(PREFIX + self.id, self.hint)
        return self


class Event(NamedTuple):
    """An event as a stream brought it."""

    sequence: int
    type: str
    data: Document


class Reader:
    """Somebody who reads a stream."""

    def __init__(
        self, port: int, path: str, token: str | None = None, *, last: int | None = None, method: str = "GET"
    ) -> None:
        """Ask for it; `last` is the number of the last event that was read before."""
        self.connection = HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        headers |= {} if last is None else {"Last-Event-ID": str(last)}
        self.connection.request(method, path, headers=headers)
        self.response: HTTPResponse = self.connection.getresponse()
        self.status = self.response.status
        self.comments = 0
        """Those that came so far."""

    def events(self) -> Iterator[Event]:
        """Yield events as they come, to the end of the stream."""
        found: dict[str, str] = {}
        for line in self.response:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "data":
                yield Event(int(found["id"]), found["event"], json.loads(value))
            self.comments += name == ":"
            found[name] = value

    def next(self, count: int) -> list[Event]:
        """Return so many events."""
        events = self.events()
        return [next(events) for _ in range(count)]

    def problem(self) -> str:
        """Return the code of the problem that was answered."""
        assert self.response.headers["Content-Type"] == "application/problem+json"
        return str(json.loads(self.response.read())["code"])

    def close(self) -> None:
        """Leave."""
        self.response.close()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
