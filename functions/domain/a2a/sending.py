"""Sending: a message of A2A begins a run, or answers what the agent of one has asked for.

A message that comes twice while its task is under way is taken once: it is known by its id, its task, its context and
its parts. Once the task has ended it begins another, since clients use ids again. Whoever wants more than that sends an
Idempotency-Key, which holds for as long as the run is kept.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue
from sqlalchemy import select, update

from functions.domain.a2a import contexts, finding, push_configs
from functions.domain.a2a.errors import (
    ContentTypeNotSupported,
    InvalidParams,
    UnsupportedOperation,
)
from functions.domain.a2a.modes import MODES
from functions.domain.a2a.requests import Message, Part, SendMessage
from functions.domain.api_errors import Conflict
from functions.domain.databases import SharedDb
from functions.domain.instances.contexts import MESSAGE_BYTES
from functions.domain.runs import accepting, commands
from functions.domain.runs.accepting import Asked
from functions.domain.runs.commands import AnswerInvalid, Given
from functions.domain.runs.parts import fitting
from functions.domain.runs.reading import Of
from shared_psql_models.runs import ENDED, EventType, Run, RunStatus, run_events, runs

Json = dict[str, JsonValue]

PROTOCOL: Final = "a2a"

KEPT_BYTES: Final = 256 * 1024
"""Bytes that a message may have as JSON: parts, metadata and all."""


def send(db: SharedDb, instance_id: str, owner_id: str, asked: SendMessage, key: str | None = None) -> Run:
    """Return the run that a message has begun, or that it has answered; `key` is an Idempotency-Key.

    Raises the errors of A2A, and what `accepting.accept` does.
    """
    message, of = asked.message, Of(owner_id, instance_id)
    _check(message)
    if message.task_id is None:
        run = _begin(db, instance_id, owner_id, asked, key)
    else:
        run = _go_on(db, of, message.task_id, message)
    config = asked.configuration.task_push_notification_config
    if config is not None:
        push_configs.put(db, finding.locked(db, run.id, of), config)
    return run


def _check(message: Message) -> None:
    """Raise ContentTypeNotSupported and InvalidParams."""
    for part in message.parts:
        kind = part.media_type.partition(";")[0].strip().lower()
        if part.kind in {"raw", "url"} or (part.kind == "data" and kind not in {"", MODES[1]}):
            raise ContentTypeNotSupported(f"A part of {kind or part.kind} isn't taken: send {' or '.join(MODES)}.")
    text = text_of(message.parts)
    if not text.strip():
        raise InvalidParams("message.parts: there is nothing to read in them.")
    if len(text.encode()) > MESSAGE_BYTES:
        raise InvalidParams(f"message.parts: their text has more than the {MESSAGE_BYTES:,} bytes that it may have.")
    if len(message.model_dump_json().encode()) > KEPT_BYTES:
        raise InvalidParams(f"message: it has more than the {KEPT_BYTES:,} bytes that it may have.")


def text_of(parts: Sequence[Part]) -> str:
    """Return what an agent reads of a message: its text, or its JSON where it has no text."""
    texts = [part.text for part in parts if part.text is not None]
    return "\n".join(texts) or "\n".join(json.dumps(part.data, ensure_ascii=False) for part in parts)


def _begin(db: SharedDb, instance_id: str, owner_id: str, asked: SendMessage, key: str | None) -> Run:
    message = asked.message
    if key is None:
        client_key = f"{PROTOCOL}:{_fingerprint(message)}"
        _release(db, instance_id, owner_id, client_key)
    else:
        client_key = f"{PROTOCOL}-key:{key}"
    place: dict[str, str | None] = {"conversation_id": None, "conversation_key": None}
    if message.context_id is not None:
        place = contexts.place(db, instance_id, message.context_id)
    wanted = Asked(
        text_of(message.parts),
        conversation_id=place["conversation_id"],
        conversation_key=place["conversation_key"],
        client_key=client_key,
        protocol=PROTOCOL,
        more=_more(asked),
    )
    return accepting.accept(db, instance_id, owner_id, wanted).run


def _more(asked: SendMessage) -> Json:
    """Return what else is kept of a message. Its agent is told the id and the metadata, where parts of JSON are too."""
    message = asked.message
    metadata: Json = {**(asked.metadata or {}), **(message.metadata or {})}
    data: list[JsonValue] = [part.data for part in message.parts if part.kind == "data"]
    if data:
        metadata["a2a"] = {"data": data}
    return {"protocol_id": message.message_id, "metadata": metadata, "a2a": _kept(message)}


def _kept(message: Message) -> Json:
    """Return what a task's history shows of a message beside what is known anyway."""
    shown = {"message_id", "parts", "metadata", "extensions", "reference_task_ids"}
    kept: Json = message.model_dump(mode="json", by_alias=True, exclude_unset=True, include=shown)
    return {name: value for name, value in kept.items() if value not in (None, [], {})}


def _fingerprint(message: Message) -> str:
    told = message.model_dump(mode="json", include={"message_id", "task_id", "context_id", "parts"})
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _release(db: SharedDb, instance_id: str, owner_id: str, client_key: str) -> None:
    """Have a key no longer stand for a run that has ended."""
    same = (runs.c.instance_id == instance_id, runs.c.owner_id == owner_id, runs.c.client_key == client_key)
    db.execute(update(runs).where(*same, runs.c.status.in_(sorted(ENDED))).values(client_key=None))


def _go_on(db: SharedDb, of: Of, task_id: str, message: Message) -> Run:
    run = finding.locked(db, task_id, of)
    if message.context_id not in {None, contexts.of_run(db, run)}:
        raise InvalidParams("message.contextId: the task belongs to another context.")
    if run.ended:
        raise UnsupportedOperation(f"The task has ended as {run.status}: begin another in its context.")
    told = _kept(message)
    if run.status != RunStatus.INPUT_REQUIRED or run.request is None:
        if _was_answered(db, run, told):
            return run
        raise UnsupportedOperation("The task's agent asks for nothing just now: wait until it does, or begin another.")
    try:
        value = _value(run.request.get("schema"), message)
        return commands.give(db, run.id, of, Given(value, more={"a2a": told}))
    except AnswerInvalid as invalid:
        raise InvalidParams(f"message.parts: {invalid.detail}", errors=invalid.errors) from None
    except Conflict as conflict:
        raise UnsupportedOperation(conflict.detail) from None


def _was_answered(db: SharedDb, run: Run, told: Json) -> bool:
    """Return whether this very message was the answer that a run goes on with."""
    of_run = (run_events.c.run_id == run.id, run_events.c.type == EventType.ANSWER)
    query = select(run_events.c.data["a2a"]).where(*of_run).order_by(run_events.c.sequence.desc()).limit(1)
    return bool(db.scalar(query) == told)


def _value(schema: JsonValue, message: Message) -> JsonValue:
    """Return the answer in a message: its JSON, its text, or its text read as JSON, whichever is asked for."""
    data = [part.data for part in message.parts if part.kind == "data"]
    return data[0] if data else fitting(schema, text_of(message.parts))
