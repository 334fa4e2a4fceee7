"""Parts of runs: what happens up to a question of the agent's, and what after each answer.

Protocols that have no way to wait for an answer make of each part what they call a run or a response.
"""

from dataclasses import dataclass

from pydantic import JsonValue
from sqlalchemy import func, select
from sqlalchemy.sql.elements import ColumnElement

from functions.domain import json_schemas
from functions.domain.databases import SharedDb
from functions.domain.runs import agent_events
from functions.domain.runs.agent_events import EventInvalid
from shared_psql_models.runs import EventType, Run, RunStatus, run_events, runs


@dataclass(frozen=True)
class Part:
    """A part of a run: the first has the number 0."""

    run_id: str
    number: int


def count(db: SharedDb, run_id: str) -> int:
    """Return how many questions a run's agent has asked up to now."""
    query = select(func.count()).select_from(run_events).where(*_kind(EventType.INPUT, run_id))
    return int(db.scalar(query) or 0)


def last_of(db: SharedDb, conversation_id: str) -> Run | None:
    """Return the last run of a conversation."""
    query = select(runs).where(runs.c.conversation_id == conversation_id).order_by(runs.c.position.desc()).limit(1)
    row = db.execute(query).mappings().first()
    return None if row is None else Run.of(row)


def answers(db: SharedDb, run_id: str) -> list[dict[str, JsonValue]]:
    """Return what was answered in a run, in its order: the part with the number 1 begins with the first of these."""
    query = select(run_events.c.data).where(*_kind(EventType.ANSWER, run_id)).order_by(run_events.c.sequence)
    return [dict(each) for each in db.scalars(query)]


def begun_by(db: SharedDb, conversation_id: str, client_key: str) -> Part | None:
    """Return the part that began with the answer of this key."""
    query = (
        select(runs.c.id)
        .join(run_events, run_events.c.run_id == runs.c.id)
        .where(
            runs.c.conversation_id == conversation_id,
            run_events.c.type == EventType.ANSWER,
            run_events.c.data["client_key"].astext == client_key,
        )
    )
    run_id = db.scalar(query)
    if run_id is None:
        return None
    keys = [each.get("client_key") for each in answers(db, run_id)]
    return Part(run_id, keys.index(client_key) + 1)


def waits(run: Run) -> bool:
    """Return whether a run's agent waits for an answer."""
    return run.status == RunStatus.INPUT_REQUIRED and run.request is not None


def fitting(schema: JsonValue, text: str) -> JsonValue:
    """Return what a text is as an answer: the text itself, unless only the JSON in it fits the schema."""
    if not isinstance(schema, dict):
        return text
    fits = json_schemas.validator(schema).is_valid
    if fits(text):
        return text
    try:
        value = agent_events.decoded(text)
    except EventInvalid:
        return text
    return value if fits(value) else text


def _kind(kind: EventType, run_id: str) -> tuple[ColumnElement[bool], ...]:
    return run_events.c.run_id == run_id, run_events.c.type == kind
