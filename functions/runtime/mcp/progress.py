"""What happens while a call is answered, as notifications that the client has asked for."""

import json
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from functions.domain.mcp import results
from functions.domain.mcp.calls import Call
from functions.runtime.event_stream import Frame
from shared_psql_models.runs import EventType, RunEvent

Object = dict[str, JsonValue]

_LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


class Progress:
    """Translates the events of a run for one call."""

    def __init__(self, call: Call) -> None:
        """Tell what the call has asked for."""
        self._token = call.progress_token
        self._logs = call.log_level in _LEVELS[:2]
        self._highest: float = -1

    def translate(self, event: RunEvent) -> Iterator[Frame]:
        """Yield the notifications of an event."""
        if event.type is EventType.NOTE:
            yield from self._note(str(event.data["text"]))
        elif event.type is EventType.DATA and results.name_of(event) == results.PROGRESS:
            told = event.data.get("data")
            yield from self._progress(told if isinstance(told, dict) else {})

    def _note(self, text: str) -> Iterator[Frame]:
        if self._logs:
            yield notification("notifications/message", {"level": "info", "logger": "agent", "data": text})
        yield from self._progress({"progress": self._highest + 1, "message": text})

    def _progress(self, told: Object) -> Iterator[Frame]:
        """Yield how far it is, which only grows: what is told again after an attempt that failed is left out."""
        progress = told.get("progress")
        if self._token is None or not isinstance(progress, int | float) or progress <= self._highest:
            return
        self._highest = progress
        more: Object = {name: told[name] for name in ("total", "message") if name in told}
        params: Object = {"progressToken": self._token, "progress": progress, **more}
        yield notification("notifications/progress", params)


def notification(method: str, params: Object) -> Frame:
    """Return a notification of JSON-RPC as a part of a stream."""
    return Frame(
        json.dumps({"jsonrpc": "2.0", "method": method, "params": params}, ensure_ascii=False), event="message"
    )
