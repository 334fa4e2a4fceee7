"""What an agent is asked in a run: the message, what came with it, and the conversation so far."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from pydantic import JsonValue
from sqlalchemy import select

from functions.domain.databases import SharedDb
from functions.domain.instances.contexts import Answer, Conversation, EarlierMessage, InstanceNamed, Message, Tool
from functions.domain.runs import budgets
from shared_psql_models.runs import EventType, Run, run_events, runs

EARLIER_RUNS: Final = 20
"""Runs of the conversation of which an agent is told, at most."""

EARLIER_BYTES: Final = 128 * 1024
"""Bytes of UTF-8 that the texts of the conversation may have together: beyond that the oldest are left out."""


def message_of(db: SharedDb, run: Run, name: str) -> Message:
    """Return what the agent is asked by a run; `name` is the instance's."""
    told, cost_limit = run.message, budgets.left(run)
    return Message(
        id=run.message_id,
        text=str(told["text"]),
        protocol_id=_text(told.get("protocol_id")),
        run=run.id,
        attempt=run.attempt,
        tools=tuple(Tool.model_validate(each) for each in _items(told.get("tools"))),
        conversation=Conversation(id=run.conversation_id, messages=_earlier(db, run)),
        instance=InstanceNamed(id=run.instance_id, name=name),
        answer=None if run.answer is None else Answer.model_validate(run.answer),
        cost_limit=None if cost_limit is None else budgets.plain(cost_limit),
        metadata=_members(told.get("metadata")),
    )


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _members(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _earlier(db: SharedDb, run: Run) -> tuple[EarlierMessage, ...]:
    """Return the conversation before this run, and within it what the agent has asked and was told; oldest first."""
    said = [*reversed(_within_run(db, run)), *reversed(_given(run.message.get("history")))]
    earlier = before(db, run.conversation_id, run.position) if run.position > 1 else ()
    return bounded(chain(said, earlier))


def before(db: SharedDb, conversation_id: str, position: int) -> Iterator[EarlierMessage]:
    """Yield what was said in a conversation before the run at a position, newest first."""
    earlier = (runs.c.conversation_id == conversation_id, runs.c.position < position)
    columns = (runs.c.message["text"].astext.label("text"), runs.c.message["history"].label("history"), runs.c.reply)
    for row in db.execute(select(*columns).where(*earlier).order_by(runs.c.position.desc()).limit(EARLIER_RUNS)):
        if row.reply:
            yield EarlierMessage(role="agent", text=row.reply)
        yield EarlierMessage(role="user", text=row.text)
        yield from reversed(_given(row.history))


def bounded(said: Iterable[EarlierMessage]) -> tuple[EarlierMessage, ...]:
    """Return of what was said, newest first, as much as an agent may be told; oldest first."""
    kept: list[EarlierMessage] = []
    room = EARLIER_BYTES
    for each in said:
        room -= len(each.text.encode())
        if room < 0:
            break
        kept.append(each)
    return tuple(reversed(kept))


def _given(history: JsonValue) -> list[EarlierMessage]:
    """Return what a client has told of the conversation before a run, oldest first."""
    return [EarlierMessage.model_validate(each) for each in _items(history)]


def _within_run(db: SharedDb, run: Run) -> list[EarlierMessage]:
    """Return what was said in a run before it was answered what it asked for; nothing in one that has not asked."""
    if run.answer is None:
        return []
    said = [EarlierMessage(role="user", text=str(run.message["text"]))]
    kinds = (run_events.c.run_id == run.id, run_events.c.type.in_([EventType.INPUT, EventType.ANSWER]))
    found = db.execute(select(run_events.c.type, run_events.c.data).where(*kinds).order_by(run_events.c.sequence))
    for row in found:
        value = row.data["value"] if row.type == EventType.ANSWER else row.data["text"]
        told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        said.append(EarlierMessage(role="user" if row.type == EventType.ANSWER else "agent", text=told))
    return said
