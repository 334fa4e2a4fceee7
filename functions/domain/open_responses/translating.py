"""A run's numbered events as those of one response of Open Responses.

What a translator has made of a run's first events depends on these alone: so whoever reads a response again, in
whatever pieces, sees the same events by the same numbers.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from functions.domain.open_responses.names import Named, item_id
from functions.domain.open_responses.resources import Facts, Object, resource
from shared_psql_models.runs import EventType, RunEvent, RunStatus

ASK: Final = "ask_user"
"""The function that is called, though no client has it, where the agent asks the person."""

_ENDS: Final = {
    RunStatus.INPUT_REQUIRED: "completed",
    RunStatus.COMPLETED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "cancelled",
}
"""The statuses of runs with which a response ends, and its own status then."""

_LAST: Final = {"completed": "response.completed", "failed": "response.failed", "cancelled": "response.incomplete"}
"""The event that a response ends with, by its status: there is none for a cancelled one."""


@dataclass
class _Item:
    """An item of the output, as far as it has come."""

    index: int
    sequence: int
    """The number of the run's event that it began with."""
    value: Object
    texts: list[str] = field(default_factory=list)
    """Pieces of a message."""


class Translator:
    """Makes events of one response of a run's events."""

    def __init__(self, facts: Facts, named: Named) -> None:
        """Begin at the run's first event, for the part of it that is named."""
        self._facts = facts
        self._named = named
        self._part = 0
        self._number = 0
        self._items: list[_Item] = []
        self._indices = 0
        self._message: _Item | None = None
        self._calls: dict[str, _Item] = {}
        self._usage: dict[str, int] = {}
        self._created_at = 0.0
        self._ended_at: float | None = None
        self._error: Object | None = None
        self.status = ""
        """The response's; empty before it has begun."""

    @property
    def ended(self) -> bool:
        """Return whether nothing comes any more."""
        return self._ended_at is not None

    def feed(self, event: RunEvent) -> list[Object]:
        """Return what the run's next event gives, each event of the response with its number."""
        made: list[Object] = []
        if self._part == self._named.part and not self.ended:
            for each in self._made(event):
                made.append({**each, "sequence_number": self._number})
                self._number += 1
        if event.type == EventType.STATUS and event.data["status"] == RunStatus.INPUT_REQUIRED:
            self._part += 1
        return made

    def response(self) -> Object:
        """Return the response as it is after what was fed."""
        own: Object = {
            "id": self._named.id,
            "created_at": int(self._created_at),
            "completed_at": int(self._ended_at) if self._ended_at and self.status == "completed" else None,
            "status": self.status,
            "error": self._error,
            "output": [each.value for each in self._items],
            "usage": _usage(self._usage) if self.ended else None,
        }
        return resource(self._facts, self._named, own)

    def _made(self, event: RunEvent) -> Iterator[Object]:
        if not self.status:
            yield from self._begin(event)
        match event.type:
            case EventType.TEXT:
                yield from self._text(event)
            case EventType.TOOL_CALL:
                yield from self._own_call(event)
            case EventType.TOOL_RESULT:
                yield from self._own_result(event)
            case EventType.DATA:
                yield from self._data(event)
            case EventType.INPUT:
                yield from self._asked(event)
            case EventType.USAGE:
                self._count(event)
            case EventType.STATUS:
                yield from self._changed(event)
            case _:
                pass

    def _begin(self, event: RunEvent) -> Iterator[Object]:
        self._created_at = event.at.timestamp()
        self.status = "queued" if self._facts.background else "in_progress"
        yield {"type": "response.created", "response": self.response()}
        yield {"type": f"response.{self.status}", "response": self.response()}

    def _changed(self, event: RunEvent) -> Iterator[Object]:
        told = RunStatus(str(event.data["status"]))
        if told == RunStatus.RUNNING and self.status == "queued":
            self.status = "in_progress"
            yield {"type": "response.in_progress", "response": self.response()}
        if "void_after" in event.data:
            yield from self._void(int(str(event.data["void_after"])))
        if told in _ENDS:
            yield from self._end(_ENDS[told], event)

    def _end(self, status: str, event: RunEvent) -> Iterator[Object]:
        yield from self._close("completed" if status == "completed" else "incomplete")
        self.status = status
        self._ended_at = event.at.timestamp()
        if status == "failed":
            self._error = {"code": event.data["reason"], "message": event.data["explanation"]}
        yield {"type": _LAST[status], "response": self.response()}

    def _void(self, after: int) -> Iterator[Object]:
        """End what a broken attempt has begun. What of it was sent stays sent, and is no part of the response."""
        yield from self._close("incomplete")
        self._items = [each for each in self._items if each.sequence <= after]

    def _close(self, status: str) -> Iterator[Object]:
        """End the message that is open, and calls that nothing came of."""
        yield from self._end_message(status)
        for call in self._calls.values():
            yield from self._done(call, {"status": "incomplete"})
        self._calls = {}

    def _text(self, event: RunEvent) -> Iterator[Object]:
        text = event.data["text"]
        if self._message is None:
            made = item_id("msg", self._named.run_id, event.sequence)
            value: Object = {
                "type": "message",
                "id": made,
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
            self._message = self._add(event, value)
            yield self._added(self._message)
            yield {"type": "response.content_part.added", **self._place(self._message), "part": _part("")}
        self._message.texts.append(str(text))
        place = self._place(self._message)
        yield {"type": "response.output_text.delta", **place, "delta": text, "logprobs": []}

    def _end_message(self, status: str) -> Iterator[Object]:
        message, self._message = self._message, None
        if message is None:
            return
        text = "".join(message.texts)
        place = self._place(message)
        yield {"type": "response.output_text.done", **place, "text": text, "logprobs": []}
        yield {"type": "response.content_part.done", **place, "part": _part(text)}
        yield from self._done(message, {"status": status, "content": [_part(text)]})

    def _own_call(self, event: RunEvent) -> Iterator[Object]:
        """Tell of a tool of the agent's own: by a type of ours, since a client would run a `function_call`."""
        yield from self._end_message("completed")
        same = self._calls.pop(str(event.data["id"]), None)
        if same is not None:
            yield from self._done(same, {"status": "incomplete"})
        value: Object = {
            "type": "botberi:tool_call",
            "id": item_id("tool", self._named.run_id, event.sequence),
            "call_id": event.data["id"],
            "name": event.data["name"],
            "arguments": _json(event.data["arguments"]),
            "output": None,
            "status": "in_progress",
        }
        call = self._add(event, value)
        self._calls[str(event.data["id"])] = call
        yield self._added(call)

    def _own_result(self, event: RunEvent) -> Iterator[Object]:
        call = self._calls.pop(str(event.data["id"]), None)
        if call is not None:
            yield from self._done(call, {"status": "completed", "output": _json(event.data["content"])})

    def _data(self, event: RunEvent) -> Iterator[Object]:
        yield from self._end_message("completed")
        made = item_id("data", self._named.run_id, event.sequence)
        told = {"name": event.data.get("name"), "data": event.data["data"]}
        item = self._add(event, {"type": "botberi:data", "id": made, "status": "completed", **told})
        yield self._added(item)
        yield from self._done(item, {})

    def _asked(self, event: RunEvent) -> Iterator[Object]:
        """Have the client call a function: the one that the agent wants called, or one that asks the person."""
        yield from self._end_message("completed")
        tool = event.data.get("tool")
        asked: Object = {"question": event.data["text"], "schema": event.data["schema"]}
        name = tool["name"] if isinstance(tool, dict) else ASK
        arguments = _json(tool["arguments"] if isinstance(tool, dict) else asked)
        value: Object = {
            "type": "function_call",
            "id": item_id("fc", self._named.run_id, event.sequence),
            "call_id": event.data["id"],
            "name": name,
            "arguments": "",
            "status": "in_progress",
        }
        call = self._add(event, value)
        yield self._added(call)
        place: Object = {"item_id": value["id"], "output_index": call.index}
        yield {"type": "response.function_call_arguments.delta", **place, "delta": arguments}
        done: Object = {"name": name, "arguments": arguments}
        yield {"type": "response.function_call_arguments.done", **place, **done}
        yield from self._done(call, {"status": "completed", "arguments": arguments})

    def _count(self, event: RunEvent) -> None:
        for name in ("input_tokens", "output_tokens"):
            told = event.data.get(name)
            if isinstance(told, int):
                self._usage[name] = self._usage.get(name, 0) + told

    def _add(self, event: RunEvent, value: Object) -> _Item:
        item = _Item(self._indices, event.sequence, value)
        self._indices += 1
        self._items.append(item)
        return item

    @staticmethod
    def _added(item: _Item) -> Object:
        return {"type": "response.output_item.added", "output_index": item.index, "item": item.value}

    @staticmethod
    def _done(item: _Item, last: Object) -> Iterator[Object]:
        item.value = {**item.value, **last}
        yield {"type": "response.output_item.done", "output_index": item.index, "item": item.value}

    @staticmethod
    def _place(item: _Item) -> Object:
        return {"item_id": item.value["id"], "output_index": item.index, "content_index": 0}


def _part(text: str) -> Object:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _usage(told: dict[str, int]) -> Object | None:
    """Return the tokens that the agent has reported; None if it hasn't."""
    if not told:
        return None
    asked, said = told.get("input_tokens", 0), told.get("output_tokens", 0)
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + said,
    }
