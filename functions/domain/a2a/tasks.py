"""Tasks: runs as clients of A2A see them, worked out from a run's numbered events alone.

Whoever reads the same events sees the same task, whenever they began: so two streams of one task are alike, and one
that is resumed goes on as if it had never been cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import JsonValue

from functions.domain.a2a import agent_words
from functions.domain.a2a.agent_words import Artifact, FinalStatus, Reply
from functions.domain.a2a.usages import added
from shared_psql_models.runs import EventType, Run, RunEvent, RunStatus

Json = dict[str, JsonValue]

STATES: Final = {
    RunStatus.QUEUED: "TASK_STATE_SUBMITTED",
    RunStatus.RUNNING: "TASK_STATE_WORKING",
    RunStatus.INPUT_REQUIRED: "TASK_STATE_INPUT_REQUIRED",
    RunStatus.COMPLETED: "TASK_STATE_COMPLETED",
    RunStatus.FAILED: "TASK_STATE_FAILED",
    RunStatus.CANCELLED: "TASK_STATE_CANCELED",
}

TOLD: Final = "urn:botberi:run"
"""The key of metadata with what A2A has no word for: the reason, the attempt, and the usage at the end."""

_EXPLAINED: Final = frozenset({RunStatus.FAILED, RunStatus.CANCELLED})
"""Statuses whose explanation is told as a message."""


@dataclass(frozen=True)
class _Piece:
    """A part of the reply by the number of its event."""

    sequence: int
    artifact: Artifact


class Task:
    """A task as it is after the events that it was told."""

    def __init__(self, run: Run, context_id: str) -> None:
        """Begin with what doesn't change of a run, and by what its client knows the conversation."""
        self._id = run.id
        self._context_id = context_id
        self._asked = asked(run, context_id)
        self._turns: list[Json] = []
        self._run_status = RunStatus.QUEUED
        self._state = STATES[RunStatus.QUEUED]
        self._at = run.created_at
        self._message: Json | None = None
        self._reason = ""
        self._attempt = 0
        self._usage: Json = {}
        self._texts: list[tuple[int, str]] = []
        self._text_id = f"{run.id}:reply"
        self._said_text = False
        self._pieces: list[_Piece] = []
        self._final: FinalStatus | None = None
        self._reply: Reply | None = None
        self.sequence = 0
        """The number of the last event that it was told."""

    @property
    def ended(self) -> bool:
        """Return whether nothing happens in it any more."""
        return self._run_status in {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED}

    @property
    def paused(self) -> bool:
        """Return whether it has ended, or goes on only when somebody answers."""
        return self.ended or self._run_status == RunStatus.INPUT_REQUIRED

    def take(self, event: RunEvent) -> list[Json]:
        """Tell it what happened next; return what a stream says of that, in the form of `StreamResponse`."""
        self.sequence = event.sequence
        match event.type:
            case EventType.STATUS:
                return [self._take_status(event)]
            case EventType.TEXT:
                return [self._take_text(event)]
            case EventType.NOTE:
                return [self._take_note(event)]
            case EventType.DATA:
                return self._take_data(event)
            case EventType.USAGE:
                self._usage = added(self._usage, event.data)
            case EventType.INPUT:
                self._message = self._agent_says(event.sequence, _question(event.data))
                self._turns.append(self._message)
            case EventType.ANSWER:
                self._turns.append(self._answer(event))
            case EventType.TOOL_CALL | EventType.TOOL_RESULT:
                # A2A has no word for them.
                pass
        return []

    def shown(self, *, history: int | None = None, artifacts: bool = True) -> Json:
        """Return it in the form of A2A's `Task`, with so many of the last messages; None stands for all."""
        shown: Json = {"id": self._id, "contextId": self._context_id, "status": self._status()}
        found = self._artifacts() if artifacts else []
        if found:
            shown["artifacts"] = [*found]
        if messages := self._history(history):
            shown["history"] = messages
        return shown | {"metadata": self._metadata()}

    def reply(self) -> Json | None:
        """Return the message by which the agent has answered in the place of a task; None where it hasn't."""
        if self._reply is None or self._run_status != RunStatus.COMPLETED:
            return None
        message = self._agent_says(self._reply.sequence, self._reply.parts)
        return {name: value for name, value in message.items() if name != "taskId"}

    def _take_status(self, event: RunEvent) -> Json:
        status = RunStatus(str(event.data["status"]))
        void_after = event.data.get("void_after")
        if isinstance(void_after, int):
            self._begin_again(void_after, event.sequence)
        if status != RunStatus.INPUT_REQUIRED:
            self._message = None
        self._run_status, self._state, self._at = status, STATES[status], event.at
        self._reason, attempt = str(event.data["reason"]), event.data.get("attempt")
        self._attempt = attempt if isinstance(attempt, int) else self._attempt
        if status in _EXPLAINED:
            self._message = self._agent_says(event.sequence, [{"text": str(event.data["explanation"])}])
        if status == RunStatus.COMPLETED and self._final is not None:
            self._state = self._final.state
            parts = self._final.parts
            self._message = self._agent_says(event.sequence, parts) if parts else None
        return self._status_update()

    def _begin_again(self, kept: int, sequence: int) -> None:
        """Drop what was said after the event `kept`. What comes is another artifact: what was sent can't be unsent."""
        self._texts = [each for each in self._texts if each[0] <= kept]
        self._pieces = [each for each in self._pieces if each.sequence <= kept]
        self._text_id = f"{self._id}:reply-{sequence}"
        self._said_text = False
        self._final = self._reply = None

    def _take_text(self, event: RunEvent) -> Json:
        text = str(event.data["text"])
        self._texts.append((event.sequence, text))
        # After what was void, the new artifact begins with what stays.
        shown = text if self._said_text else "".join(each for _, each in self._texts)
        append, self._said_text = self._said_text, True
        artifact: Json = {"artifactId": self._text_id, "parts": [{"text": shown}]}
        return self._artifact_update(artifact, append=append, last=False)

    def _take_note(self, event: RunEvent) -> Json:
        self._message, self._at = self._agent_says(event.sequence, [{"text": str(event.data["text"])}]), event.at
        return self._status_update()

    def _take_data(self, event: RunEvent) -> list[Json]:
        said = agent_words.read(event.sequence, event.data)
        if isinstance(said, FinalStatus):
            self._final = said
            return []
        if isinstance(said, Reply):
            self._reply = said
            return []
        artifact = said.shown(self._id)
        self._pieces.append(_Piece(event.sequence, said))
        return [self._artifact_update(artifact, append=said.append, last=said.last)]

    def _answer(self, event: RunEvent) -> Json:
        value, told = event.data.get("value"), event.data.get("a2a")
        parts: JsonValue = [{"text": value} if isinstance(value, str) else {"data": value}]
        of_client: Json = {"messageId": f"{self._id}:{event.sequence}", "parts": parts}
        of_client |= told if isinstance(told, dict) else {}
        return of_client | {"role": "ROLE_USER", "taskId": self._id, "contextId": self._context_id}

    def _agent_says(self, sequence: int, parts: Sequence[JsonValue]) -> Json:
        return {
            "messageId": f"{self._id}:{sequence}",
            "role": "ROLE_AGENT",
            "taskId": self._id,
            "contextId": self._context_id,
            "parts": [*parts],
        }

    def _status(self) -> Json:
        status: Json = {"state": self._state, "timestamp": timestamp(self._at)}
        return status if self._message is None else status | {"message": self._message}

    def _status_update(self) -> Json:
        of = self._of_task()
        return {"statusUpdate": of | {"status": self._status(), "metadata": self._metadata()}}

    def _artifact_update(self, artifact: Json, *, append: bool, last: bool) -> Json:
        return {"artifactUpdate": self._of_task() | {"artifact": artifact, "append": append, "lastChunk": last}}

    def _of_task(self) -> Json:
        return {"taskId": self._id, "contextId": self._context_id}

    def _metadata(self) -> Json:
        told: Json = {"reason": self._reason, "attempt": self._attempt}
        return {TOLD: told | {"usage": self._usage} if self.ended and self._usage else told}

    def _artifacts(self) -> list[JsonValue]:
        found: dict[str, Json] = {}
        if self._texts:
            text = "".join(each for _, each in self._texts)
            found[self._text_id] = {"artifactId": self._text_id, "parts": [{"text": text}]}
        for piece in self._pieces:
            shown = piece.artifact.shown(self._id)
            known = found.get(str(shown["artifactId"]))
            if known is not None and piece.artifact.append:
                known["parts"] = [*_list(known["parts"]), *_list(shown["parts"])]
            else:
                found[str(shown["artifactId"])] = shown
        return [*found.values()]

    def _history(self, length: int | None) -> list[JsonValue]:
        # What the agent asks just now is told by the status.
        said = [self._asked, *(each for each in self._turns if each is not self._message)]
        return [*(said if length is None else said[max(len(said) - length, 0) :])]


def asked(run: Run, context_id: str) -> Json:
    """Return what a run was asked as a message of A2A."""
    told = run.message.get("a2a")
    message: Json = {
        "messageId": run.message.get("protocol_id") or run.message_id,
        "role": "ROLE_USER",
        "taskId": run.id,
        "contextId": context_id,
        "parts": [{"text": run.message["text"]}],
    }
    return message | (told if isinstance(told, dict) else {})


def row(run: Run, context_id: str, *, history: int | None) -> Json:
    """Return a run in the form of A2A's `Task` by its row alone: without artifacts, and with what was asked first."""
    status: Json = {"state": STATES[run.status], "timestamp": timestamp(run.status_at)}
    shown: Json = {"id": run.id, "contextId": context_id, "status": status}
    if history != 0:
        shown["history"] = [asked(run, context_id)]
    return shown | {"metadata": {TOLD: {"reason": run.reason, "attempt": run.attempt}}}


def timestamp(at: datetime) -> str:
    """Return a time as A2A writes it: in UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _question(data: Json) -> list[JsonValue]:
    """Return what an agent asks as parts: the words, and the schema of what it wants."""
    schema = data.get("schema")
    said: list[JsonValue] = [{"text": data["text"]}]
    return [*said, {"data": {"schema": schema}, "mediaType": "application/json"}] if schema else said


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
