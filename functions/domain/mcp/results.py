"""Results of MCP: what a run has come to, as clients are told it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy import select

from functions.domain.databases import SharedDb
from functions.domain.mcp.errors import INTERNAL, McpError
from functions.domain.runs.reasons import Reason
from shared_psql_models.runs import EventType, Run, RunEvent, RunStatus, run_events

Object = dict[str, JsonValue]

CONTENT: Final = "mcp.content"
"""The name of data by which an agent says content of MCP: a list of blocks."""

MESSAGES: Final = "mcp.messages"
"""The name of data by which an agent says the messages of a prompt."""

LIST_CHANGED: Final = "mcp.list_changed"
"""The name of data by which an agent says that `tools`, `prompts` or `resources` are others now."""

PROGRESS: Final = "progress"
"""The name of data by which an agent says how far it is: `{"progress", "total"}`, and perhaps `message`."""

POLL_MS: Final = 500

TASK_MS: Final = 24 * 60 * 60 * 1000
"""How long a task can be read at least: runs are kept for a day or more after their end."""

_KINDS: Final = {
    "text": ("text",),
    "image": ("data", "mimeType"),
    "audio": ("data", "mimeType"),
    "resource": ("resource",),
    "resource_link": ("uri", "name"),
}
"""The members that a block of each type has at least."""

_OWN_WORDS: Final = frozenset({Reason.AGENT_FAILED, Reason.AGENT_TIMED_OUT})
"""Why a run fails that is told as the tool's failure; the others are the server's."""


@dataclass(frozen=True)
class Outcome:
    """A run, and what it has said."""

    run: Run
    data: Sequence[tuple[str | None, JsonValue]]
    """The data that it has sent, each with its name, but for what is void."""

    @property
    def text(self) -> str:
        """The text of its reply."""
        return self.run.reply or ""

    def named(self, name: str) -> list[JsonValue]:
        """Return the data of a name."""
        return [value for each, value in self.data if each == name]


def outcome(db: SharedDb, run: Run) -> Outcome:
    """Return a run with the data that it has sent."""
    kinds = run_events.c.type.in_([EventType.DATA, EventType.STATUS])
    query = select(run_events).where(run_events.c.run_id == run.id, kinds).order_by(run_events.c.sequence)
    kept: list[RunEvent] = []
    for row in db.execute(query).mappings():
        event = RunEvent.of(row)
        void_after = event.data.get("void_after")
        if isinstance(void_after, int):
            kept = [each for each in kept if each.sequence <= void_after]
        kept.append(event)
    return Outcome(run, [(name_of(each), each.data.get("data")) for each in kept if each.type is EventType.DATA])


def name_of(event: RunEvent) -> str | None:
    """Return the name of the data that an event has."""
    name = event.data.get("name")
    return name if isinstance(name, str) else None


def complete(members: Mapping[str, JsonValue]) -> Object:
    """Return a result that is whole."""
    return {"resultType": "complete", **members}


def listed(members: Mapping[str, JsonValue], *, ttl_ms: int = 60_000) -> Object:
    """Return a result that a client may keep for a while, for itself."""
    return complete({**members, "ttlMs": ttl_ms, "cacheScope": "private"})


def failed(message: str) -> Object:
    """Return the result of a tool that has failed."""
    return complete({"content": [{"type": "text", "text": message}], "isError": True})


def of_tool(outcome: Outcome) -> Object:
    """Return the result of a call of a tool whose run has ended."""
    run = outcome.run
    meta: Object = {"com.botberi/run": run.id, "com.botberi/conversation": run.conversation_id}
    if run.usage:
        meta["com.botberi/usage"] = dict(run.usage)
    if run.status is not RunStatus.COMPLETED:
        return failed(run.explanation) | {"_meta": meta}
    content: list[JsonValue] = [{"type": "text", "text": outcome.text}] if outcome.text else []
    structured: Object | None = None
    for name, value in outcome.data:
        if name in {PROGRESS, LIST_CHANGED}:
            continue
        if name == CONTENT and isinstance(value, list):
            content += [each if _is_block(each) else _as_text(each) for each in value]
            continue
        content.append(_as_text(value))
        structured = value if isinstance(value, dict) else structured
    result = complete({"content": content, "isError": False, "_meta": meta})
    return result if structured is None else result | {"structuredContent": structured}


def _is_block(value: JsonValue) -> bool:
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(value, dict) and isinstance(kind, str) and kind in _KINDS and set(_KINDS[kind]) <= set(value)


def _as_text(value: JsonValue) -> Object:
    return {"type": "text", "text": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def of_prompt(description: str, outcome: Outcome) -> Object:
    """Return a prompt that an agent has written. Raises McpError if it has failed."""
    _check_completed(outcome.run)
    written = [value for value in outcome.named(MESSAGES) if isinstance(value, list)]
    text: Object = {"type": "text", "text": outcome.text}
    messages: JsonValue = written[-1] if written else [{"role": "user", "content": text}]
    return complete({"description": description, "messages": messages})


def of_resource(uri: str, mime_type: str, outcome: Outcome) -> Object:
    """Return what an agent has said a resource to be. Raises McpError if it has failed."""
    _check_completed(outcome.run)
    return listed({"contents": [{"uri": uri, "mimeType": mime_type, "text": outcome.text}]}, ttl_ms=0)


def _check_completed(run: Run) -> None:
    if run.status is not RunStatus.COMPLETED:
        raise McpError(INTERNAL, run.explanation, {"reason": run.reason})


def task(run: Run) -> Object:
    """Return a run as a task, without what it has come to."""
    return {
        "taskId": run.id,
        "status": _task_status(run),
        "statusMessage": run.explanation,
        "createdAt": _time(run.created_at),
        "lastUpdatedAt": _time(run.status_at),
        "ttlMs": TASK_MS,
        "pollIntervalMs": POLL_MS,
    }


def ended_task(run: Run, result: Object) -> Object:
    """Return what a task that has ended has come to, beside the task itself; `result` is the tool's."""
    status = _task_status(run)
    if status == "completed":
        return {"result": {name: each for name, each in result.items() if name != "resultType"}}
    if status == "failed":
        return {"error": {"code": INTERNAL, "message": run.explanation, "data": {"reason": run.reason}}}
    return {}


def _task_status(run: Run) -> str:
    if run.status is RunStatus.FAILED:
        return "completed" if run.reason in _OWN_WORDS else "failed"
    return "working" if run.status in {RunStatus.QUEUED, RunStatus.RUNNING} else run.status.value


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
