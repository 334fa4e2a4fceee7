"""What was said in a conversation, by whom: read from its runs, and from what their agents have asked meanwhile."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from shared_psql_models.runs import EventType, Run, RunEvent, run_events

_REPLY: Final = 10**12
"""Stands for the reply's place in its run: behind every event."""

Key = tuple[int, int]
"""A run's position in its conversation, and a place in the run: no two messages of a conversation have the same."""


@dataclass(frozen=True)
class Said:
    """A message of a conversation."""

    run_id: str
    role: str
    """`user` or `agent`."""
    text: str
    at: datetime
    place: Key

    @property
    def key(self) -> str:
        """Its place as text, as pages go by it."""
        return ".".join(map(str, self.place))


def key_of(text: str) -> Key | None:
    """Return the place that a text tells; None for a text that tells none."""
    position, _, place = text.partition(".")
    if not (position.isascii() and position.isdecimal() and place.isascii() and place.isdecimal()):
        return None
    return min(int(position), 2**31 - 1), int(place)


def newest(db: SharedDb, conversation_id: str, *, before: Key | None, limit: int) -> list[Said]:
    """Return what was said in a conversation, newest first; `before` is where the page before ended."""
    # There is one message of each run at least.
    runs = reading.runs_of(db, conversation_id, until=before and before[0], limit=limit + 1)
    asked = _asked(db, [run.id for run in runs if run.answer is not None or run.request is not None])
    said = [each for run in runs for each in reversed([*_of_run(db, run, asked[run.id])])]
    return [each for each in said if before is None or each.place < before][:limit]


def _asked(db: SharedDb, run_ids: Sequence[str]) -> dict[str, list[RunEvent]]:
    """Return what agents have asked, and what was answered, by run."""
    found: dict[str, list[RunEvent]] = defaultdict(list)
    if run_ids:
        kinds = run_events.c.type.in_([EventType.INPUT, EventType.ANSWER])
        query = select(run_events).where(run_events.c.run_id.in_(run_ids), kinds).order_by(run_events.c.sequence)
        for row in db.execute(query).mappings():
            found[row["run_id"]].append(RunEvent.of(row))
    return found


def _of_run(db: SharedDb, run: Run, asked: Sequence[RunEvent]) -> Iterator[Said]:
    yield Said(run.id, "user", str(run.message["text"]), run.created_at, (run.position, 0))
    for event in asked:
        by_user = event.type is EventType.ANSWER
        told = event.data["value" if by_user else "text"]
        text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
        yield Said(run.id, "user" if by_user else "agent", text, event.at, (run.position, event.sequence))
    reply = run.reply if run.ended else reading.text_so_far(db, run)
    if reply:
        yield Said(run.id, "agent", reply, run.ended_at or run.started_at or run.created_at, (run.position, _REPLY))
