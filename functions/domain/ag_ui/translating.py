"""A run's numbered events as those of one run of AG-UI.

A run has several of AG-UI's if its agent asks for something: each answer begins the next part. Ids of messages and
calls are made of the run's id and the number of an event, so that whoever reads on after a break sees the same.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from shared_psql_models.runs import EventType, RunEvent, RunStatus

Object = dict[str, JsonValue]

VERSION: Final = "1.0"


@dataclass(frozen=True)
class Named:
    """A run of AG-UI: how the client calls it, and which part of which run of ours it is."""

    thread_id: str
    client_run_id: str
    run_id: str
    part: int = 0


class Translator:
    """Makes events of one run of AG-UI of a run's events."""

    def __init__(self, named: Named) -> None:
        """Begin at the run's first event, for the part of it that is named."""
        self._named = named
        self._part = 0
        self._begun = False
        self._message: str | None = None
        self._messages: list[tuple[int, str]] = []
        self._calls: dict[str, str] = {}
        self._usage: dict[str, int] = {}
        self._asked: Object | None = None
        self._pending: list[JsonValue] = []
        self._last: Object | None = None

    @property
    def ended(self) -> bool:
        """Return whether nothing comes any more."""
        return self._last is not None

    def feed(self, event: RunEvent) -> list[Object]:
        """Return the events that the run's next event gives."""
        made = [] if self._part != self._named.part or self.ended else list(self._made(event))
        if event.type == EventType.STATUS and event.data["status"] == RunStatus.INPUT_REQUIRED:
            self._part += 1
        return made

    def again(self) -> list[Object]:
        """Return the events with which a client that was cut off reads on after what was fed."""
        if not self._begun:
            return []
        made = [self._started()]
        if self._message is not None:
            made.append(_message_start(self._message))
        return made if self._last is None else [*made, self._last]

    def _made(self, event: RunEvent) -> Iterator[Object]:
        if not self._begun:
            self._begun = True
            yield self._started()
        match event.type:
            case EventType.TEXT:
                yield from self._text(event)
            case EventType.TOOL_CALL:
                call = self._calls[str(event.data["id"])] = self._id("call", event)
                yield from self._called(call, event.data["name"], event.data["arguments"])
            case EventType.TOOL_RESULT:
                yield from self._returned(event)
            case EventType.NOTE:
                yield _custom("note", {"text": event.data["text"]})
            case EventType.DATA:
                yield _custom("data", dict(event.data))
            case EventType.USAGE:
                self._count(event)
            case EventType.INPUT:
                yield from self._input(event)
            case EventType.STATUS:
                yield from self._changed(event)
            case _:
                pass

    def _started(self) -> Object:
        return {"type": "RUN_STARTED", **self._ids(), "protocolVersion": VERSION}

    def _ids(self) -> Object:
        return {"threadId": self._named.thread_id, "runId": self._named.client_run_id}

    def _text(self, event: RunEvent) -> Iterator[Object]:
        if self._message is None:
            self._message = self._id("msg", event)
            self._messages.append((event.sequence, self._message))
            yield _message_start(self._message)
        yield {"type": "TEXT_MESSAGE_CONTENT", "messageId": self._message, "delta": event.data["text"]}

    def _end_message(self) -> Iterator[Object]:
        message, self._message = self._message, None
        if message is not None:
            yield {"type": "TEXT_MESSAGE_END", "messageId": message}

    def _called(self, call: str, name: JsonValue, arguments: JsonValue) -> Iterator[Object]:
        yield from self._end_message()
        yield {"type": "TOOL_CALL_START", "toolCallId": call, "toolCallName": name}
        yield {"type": "TOOL_CALL_ARGS", "toolCallId": call, "delta": _json(arguments)}
        yield {"type": "TOOL_CALL_END", "toolCallId": call}

    def _returned(self, event: RunEvent) -> Iterator[Object]:
        call = self._calls.pop(str(event.data["id"]), None)
        if call is None:
            return
        content = event.data["content"]
        yield {
            "type": "TOOL_CALL_RESULT",
            "messageId": self._id("res", event),
            "toolCallId": call,
            "content": content if isinstance(content, str) else _json(content),
            "role": "tool",
        }

    def _count(self, event: RunEvent) -> None:
        for told, name in {"input_tokens": "inputTokens", "output_tokens": "outputTokens"}.items():
            count = event.data.get(told)
            if isinstance(count, int):
                self._usage[name] = self._usage.get(name, 0) + count

    def _input(self, event: RunEvent) -> Iterator[Object]:
        yield from self._end_message()
        tool = event.data.get("tool")
        if isinstance(tool, dict):
            # By the id of what is asked, which no other call of the thread has.
            self._pending = [event.data["id"]]
            yield from self._called(str(event.data["id"]), tool["name"], tool["arguments"])
            return
        self._asked = {
            "id": event.data["id"],
            "reason": "input_required",
            "message": event.data["text"],
            "responseSchema": event.data["schema"],
        }

    def _changed(self, event: RunEvent) -> Iterator[Object]:
        told = RunStatus(str(event.data["status"]))
        because: Object = {"reason": event.data["reason"], "explanation": event.data["explanation"]}
        if "void_after" in event.data:
            yield from self._end_message()
            after = int(str(event.data["void_after"]))
            void: list[JsonValue] = [message for number, message in self._messages if number > after]
            yield _custom("tried_again", {**because, "voidMessageIds": void})
        match told:
            case RunStatus.QUEUED:
                yield _custom("queued", because)
            case RunStatus.FAILED:
                yield from self._end_message()
                yield self._end({"type": "RUN_ERROR", "message": because["explanation"], "code": because["reason"]})
            case RunStatus.INPUT_REQUIRED if self._asked is not None:
                until = event.data.get("deadline_at")
                expires: Object = {} if until is None else {"expiresAt": until}
                yield from self._finish({"type": "interrupt", "interrupts": [{**self._asked, **expires}]})
            case RunStatus.INPUT_REQUIRED:
                yield from self._finish({"type": "success", "pendingToolCallIds": self._pending})
            case RunStatus.COMPLETED:
                yield from self._finish({"type": "success"})
            case RunStatus.CANCELLED:
                yield from self._finish({"type": "cancelled"})
            case _:
                pass

    def _finish(self, outcome: Object) -> Iterator[Object]:
        yield from self._end_message()
        usage: Object = {"usage": [{**self._usage}]} if self._usage else {}
        yield self._end({"type": "RUN_FINISHED", **self._ids(), "outcome": outcome, **usage})

    def _end(self, last: Object) -> Object:
        self._last = last
        return last

    def _id(self, kind: str, event: RunEvent) -> str:
        return f"{kind}_{self._named.run_id.partition('_')[2]}_{event.sequence}"


def _message_start(message: str) -> Object:
    return {"type": "TEXT_MESSAGE_START", "messageId": message, "role": "assistant"}


def _custom(name: str, value: Object) -> Object:
    return {"type": "CUSTOM", "name": name, "value": value}


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
