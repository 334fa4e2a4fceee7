"""Tasks of MCP: runs as clients read, answer and cancel them. Each function is one transaction's work."""

import re
from typing import Final

from pydantic import JsonValue
from sqlalchemy import update

from core.ids import pattern
from functions.domain.databases import SharedDb
from functions.domain.mcp import asking, results
from functions.domain.mcp.asking import Asked, Declined
from functions.domain.mcp.calls import TASKS, Call
from functions.domain.mcp.errors import INVALID_PARAMS, McpError, lacking
from functions.domain.runs import commands, reading
from functions.domain.runs.commands import AnswerInvalid, NothingAsked, RunEnded
from functions.domain.runs.reading import Of, RunNotFound
from shared_psql_models.runs import Run, RunStatus, runs

Object = dict[str, JsonValue]

_RUN: Final = re.compile(pattern("run"))


def find(db: SharedDb, call: Call, of: Of) -> Run:
    """Return the run that a call's parameter names. Raises McpError."""
    if not call.takes_tasks:
        raise lacking(f"extensions/{TASKS}")
    return known(db, call.text("taskId"), of)


def known(db: SharedDb, run_id: str, of: Of) -> Run:
    """Return a run. Raises McpError."""
    try:
        if _RUN.fullmatch(run_id):
            return reading.find(db, run_id, of)
    except RunNotFound:
        pass
    raise McpError(INVALID_PARAMS, "There is no such task, or it isn't yours.", {"taskId": run_id[:100]})


def get(db: SharedDb, call: Call, of: Of) -> Object:
    """Return how far a task is, and what it waits for or has come to. Raises McpError."""
    return results.complete(detailed(db, find(db, call, of)))


def detailed(db: SharedDb, run: Run) -> Object:
    """Return a task with what it waits for or has come to."""
    task = results.task(run)
    if run.ended:
        return task | results.ended_task(run, results.of_tool(results.outcome(db, run)))
    asked = asked_by(run)
    return task if asked is None else task | {"inputRequests": dict(asked.open)}


def asked_by(run: Run) -> Asked | None:
    """Return what a run waits for; None for one that doesn't."""
    return asking.of_run(run) if run.status is RunStatus.INPUT_REQUIRED else None


def supply(db: SharedDb, call: Call, of: Of) -> Object:
    """Take answers to what a task waits for, all or some. Raises McpError."""
    give(db, find(db, call, of), call.params.get("inputResponses"))
    return results.complete({})


def cancel(db: SharedDb, call: Call, of: Of) -> Object:
    """Cancel a task, if it goes on. Raises McpError."""
    run = find(db, call, of)
    stop(db, run)
    return results.complete({})


def stop(db: SharedDb, run: Run) -> None:
    """Cancel a run, if it goes on."""
    try:
        commands.cancel(db, run.id, Of(run.owner_id))
    except RunEnded:
        return


def give(db: SharedDb, run: Run, sent: JsonValue) -> None:
    """Answer what a run waits for, by what fits of a client's responses; keep these while others are missing.

    One that is declined cancels the run, unless the agent has written the request itself.
    """
    run = reading.locked(db, run.id, Of(run.owner_id))
    asked = asked_by(run)
    if asked is None or run.request is None:
        return
    answers = asked.given | asking.responses(asked, sent)
    if set(answers) < set(asked.requests):
        kept = {**run.request, asking.GIVEN: answers}
        db.execute(update(runs).where(runs.c.id == run.id).values(request=kept))
        return
    try:
        value = asking.value_of(asked, answers, run.request.get("schema"))
        commands.answer(db, run.id, Of(run.owner_id), value, asked_id=asked.id)
    except Declined:
        stop(db, run)
    except (AnswerInvalid, NothingAsked, RunEnded):
        # It stays as it is: whoever reads it is asked again, or sees how it ended.
        return
