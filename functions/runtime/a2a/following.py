"""Streams of a task, and the wait for what it comes to."""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from pydantic import JsonValue
from typing_extensions import override

from functions.domain.a2a.cards import RESUMING
from functions.domain.a2a.tasks import Task
from functions.domain.api_errors import ApiError
from functions.runtime.a2a.bindings import Wrapping
from functions.runtime.declarations import Later
from functions.runtime.event_stream import Frame
from functions.runtime.http.resting import Rest
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.run_following import FollowedRun
from functions.runtime.run_stream import RunStream
from shared_psql_models.runs import RunEvent, RunStatus

Json = dict[str, JsonValue]

BEAT_SECONDS: Final = 3
"""After so long a waiting client is told that the connection lives: the usual one gives up after five."""


class Frames:
    """What a stream says of a task, event by event."""

    def __init__(self, task: Task, binding: Wrapping, *, numbered: bool) -> None:
        """`numbered` says whether the metadata has the number of each event, for who resumes."""
        self._task = task
        self._binding = binding
        self._numbered = numbered

    def first(self, history: int | None) -> Frame:
        """Return the task as it is."""
        return self._frame({"task": self._task.shown(history=history)})

    def of(self, event: RunEvent) -> list[Frame]:
        """Return what there is to say of an event."""
        return [self._frame(each) for each in self._task.take(event)]

    def _frame(self, said: Json) -> Frame:
        if self._numbered:
            [(kind, value)] = said.items()
            shown = value if isinstance(value, dict) else {}
            known = shown.get("metadata")
            number: Json = {RESUMING: {"sequence": self._task.sequence}}
            said = {kind: {**shown, "metadata": {**(known if isinstance(known, dict) else {}), **number}}}
        return Frame(json.dumps(self._binding.wrapped(said), ensure_ascii=False), id=self._task.sequence)


@dataclass(frozen=True)
class View:
    """How a task is streamed."""

    frames: Frames
    """Have taken in the run's events up to the number `after`."""
    after: int
    ends: frozenset[RunStatus]
    """With which the stream ends."""
    history: int | None = None
    """Messages that the task has at first; None for all."""
    headers: Mapping[str, str] = field(default_factory=dict)


class TaskStream(RunStream):
    """A stream of what happens in a task: at first the task as it is, then each thing as it happens."""

    def __init__(self, transactions: RunTransactions, run_id: str, caller: User, view: View) -> None:
        """Stream the caller's run."""
        frames = view.frames
        opening = [frames.first(view.history)]
        super().__init__(
            transactions, run_id, caller, translate=frames.of, after=view.after, ends=view.ends, opening=opening
        )
        self.headers = view.headers


class Awaited(Later):
    """A result that is waited for. While it isn't there, spaces are sent, which JSON may begin with."""

    def __init__(
        self, look: Callable[[bool], Json | None], binding: Wrapping, run: FollowedRun, *, seconds: float
    ) -> None:
        """Have `look` return the result, or None as long as there is none; it is told whether the time is over.

        It looks when there is news of the run.
        """
        self.content_type = binding.media_type
        self._look = look
        self._binding = binding
        self._run = run
        self._seconds = seconds

    @override
    def parts(self, rest: Rest) -> Generator[bytes, None, None]:
        """Yield nothing or a space for each rest, and at last the result or why there is none."""
        with self._run.followed(rest.wake):
            yield from self._parts(rest)

    def _parts(self, rest: Rest) -> Generator[bytes, None, None]:
        began = beat = monotonic()
        waited = 0.0
        while True:
            try:
                found = self._look(waited >= self._seconds)
            except ApiError as api_error:
                yield json.dumps(self._binding.failed(api_error), ensure_ascii=False).encode()
                return
            if found is not None:
                yield json.dumps(self._binding.wrapped(found), ensure_ascii=False).encode()
                return
            rest(min(self._run.pace(waited), self._seconds - waited))
            now = monotonic()
            part = b" " if now - beat >= BEAT_SECONDS else b""
            beat = now if part else beat
            yield part
            waited = monotonic() - began
