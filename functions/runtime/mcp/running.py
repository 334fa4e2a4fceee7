"""Calls of MCP that an agent answers: streamed with what happens meanwhile, or handed out as a task."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from pydantic import JsonValue

from functions.domain.databases import SharedDb
from functions.domain.mcp import results, tasks
from functions.domain.mcp.calls import TASKS, Call
from functions.domain.mcp.errors import INVALID_PARAMS, McpError, lacking
from functions.domain.mcp.results import Outcome
from functions.domain.runs import accepting
from functions.domain.runs.accepting import Asked
from functions.domain.runs.reading import Of
from functions.runtime.declarations import Later
from functions.runtime.event_stream import Frame
from functions.runtime.mcp import speaking
from functions.runtime.mcp.progress import Progress
from functions.runtime.mcp.speaking import McpAnswer
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.run_stream import PAUSED, RunStream
from shared_psql_models.runs import Run

Object = dict[str, JsonValue]

SECONDS: Final = 540
"""How long an agent has for a call that is waited for: less than a function may take."""

Finish = Callable[[Outcome], Object]
"""Makes a result of a run that has ended."""


@dataclass(frozen=True)
class Runs:
    """Runs of a caller's."""

    caller: User
    transactions: RunTransactions
    instance_id: str | None = None
    """Whose they are; None for any of the caller's instances."""

    @property
    def of(self) -> Of:
        """Whose runs are meant."""
        return Of(self.caller.id, self.instance_id)

    def begin(
        self, call: Call, instance_id: str, asked: Asked, finish: Finish, *, task: str = "never"
    ) -> Object | Later:
        """Have an instance answer: as a task where the client knows these and `task` says so, else while it waits.

        Raises what `accepting.accept` raises, and McpError.
        """
        if task == "required" and not call.takes_tasks:
            raise lacking(f"extensions/{TASKS}")
        lasts = task != "never" and call.takes_tasks
        with self.transactions() as db:
            asked = asked if lasts else replace(asked, seconds=SECONDS)
            run = accepting.accept(db, instance_id, self.caller.id, asked).run
        if lasts:
            return {"resultType": "task", **results.task(run)}
        return self._wait(call, run, finish, after=0)

    def go_on(self, call: Call, state: str, finish: Finish) -> Later:
        """Have a run go on that has asked for something, whose answer comes with the call. Raises McpError."""
        run_id, _, asked_id = state.partition(".")
        with self.transactions() as db:
            run = tasks.known(db, run_id, self.of)
            request = run.request or {}
            if not asked_id or str(request.get("id")) != asked_id:
                raise McpError(INVALID_PARAMS, "requestState isn't what was given out, or was answered already.")
            tasks.give(db, run, call.params.get("inputResponses"))
        return self._wait(call, run, finish, after=run.last_sequence)

    def _wait(self, call: Call, run: Run, finish: Finish, *, after: int) -> Later:
        """Return a stream that has the response as its last message.

        It is one even where nothing is told before: only what is written to shows that the client has gone.
        """

        def closing() -> Iterable[Frame]:
            with self.transactions.reading() as db:
                answer = self._answer(call, db, tasks.known(db, run.id, self.of), finish)
            return (Frame(json.dumps(answer.value, ensure_ascii=False), event="message"),)

        progress = Progress(call)
        return RunStream(
            self.transactions,
            run.id,
            self.caller,
            translate=progress.translate,
            after=after,
            ends=PAUSED,
            closing=closing,
            on_leave=partial(self._stop, run),
        )

    def _stop(self, run: Run) -> None:
        with self.transactions() as db:
            tasks.stop(db, run)

    def _answer(self, call: Call, db: SharedDb, run: Run, finish: Finish) -> McpAnswer:
        """Return the answer to a call whose run has ended, waits for something, or has taken too long."""
        try:
            return speaking.answered(call, self._result(call, db, run, finish))
        except McpError as error:
            return speaking.refused(call.id, error)

    def _result(self, call: Call, db: SharedDb, run: Run, finish: Finish) -> Object:
        if run.ended:
            return finish(results.outcome(db, run))
        asked = tasks.asked_by(run)
        if asked is None:
            # What it had asked was answered by another way at this very moment.
            return results.failed(f"It goes on as the run {run.id}: read what becomes of it there.")
        requests = asked.open_to(call)
        if not requests:
            self._stop(run)
            raise lacking(*asked.lacks(call))
        return {
            "resultType": "input_required",
            "inputRequests": dict(requests),
            "requestState": f"{run.id}.{asked.id}",
        }
