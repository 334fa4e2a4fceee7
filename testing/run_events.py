"""Events of runs, written down for tests of what is made of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from shared_psql_models.runs import EventType, RunEvent
from tools.documents import Document

RUN: Final = "run_" + "0" * 32

Said = tuple[str, Document]
"""The type of an event, and its data."""


def events(*said: Said) -> list[RunEvent]:
    """Return what was said as the events of a run, numbered from 1."""
    at = datetime(2026, 11, 30, tzinfo=UTC)
    return [
        RunEvent(run_id=RUN, sequence=number, at=at, type=EventType(kind), data=data)
        for number, (kind, data) in enumerate(said, start=1)
    ]


def status(name: str, **more: object) -> Said:
    """Return the event of a status."""
    return "status", {"status": name, "reason": "why", "explanation": "Why.", "attempt": 1, **more}


def text(piece: str) -> Said:
    """Return the event of a piece of the reply."""
    return "text", {"text": piece}


def question(tool: Mapping[str, object] | None = None) -> Said:
    """Return the event by which the agent asks for a text, or wants a tool of the client's called for it."""
    more = {} if tool is None else {"tool": tool}
    return "input", {"id": "ask_1", "text": "Which?", "schema": {"type": "string"}, **more}
