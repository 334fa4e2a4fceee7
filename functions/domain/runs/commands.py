"""Commands: what people ask of runs that there are. Each is one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue
from sqlalchemy import update

from core import context
from events.catalog.runs import RunCancelRequested
from events.outbox import emit
from functions.domain import json_schemas
from functions.domain.api_errors import Conflict, FieldError, Invalid
from functions.domain.databases import SharedDb
from functions.domain.json_schemas import pointer
from functions.domain.runs import accepting, ending, reading, recording
from functions.domain.runs.reading import Of
from functions.domain.runs.reasons import Explanation, Reason, explain
from functions.domain.runs.recording import Change
from shared_psql_models.runs import EventType, Run, RunStatus, runs


class RunEnded(Conflict):
    """The run has ended: nothing of it can be changed any more."""


class NothingAsked(Conflict):
    """The run's agent asks for nothing just now."""


class AnswerInvalid(Invalid):
    """This isn't what the agent asked for: `errors` says what is wrong."""


def cancel(db: SharedDb, run_id: str, of: Of, because: Explanation | None = None) -> Run:
    """Cancel a run: at once unless its agent is at work, which a runner then ends. Return it as it is now.

    Without another reason it is as its owner asked. Raises RunNotFound, RunEnded.
    """
    because = because or explain(Reason.CANCEL_REQUESTED)
    run = _going_on(db, run_id, of)
    if run.lease_owner is None:
        ending.end(db, run, RunStatus.CANCELLED, because)
    elif run.cancel_reason is None:
        asked = {"cancel_reason": because.reason, "cancelled_by": context.current().actor}
        db.execute(update(runs).where(runs.c.id == run.id).values(asked))
        emit(db, RunCancelRequested(run_id=run.id, instance_id=run.instance_id, owner_id=run.owner_id))
    return reading.find(db, run_id, of)


@dataclass(frozen=True)
class Given:
    """An answer to what an agent has asked for."""

    value: JsonValue
    asked_id: str | None = None
    """Of what was asked; None for whatever it is."""
    more: Mapping[str, JsonValue] = field(default_factory=dict)
    """What else the run's event tells of it."""


def answer(db: SharedDb, run_id: str, of: Of, value: JsonValue, *, asked_id: str | None = None) -> Run:
    """Answer what a run's agent asks for, and return the run, which waits for its turn again.

    With `asked_id` only if that is what it asks for. Raises RunNotFound, RunEnded, NothingAsked, AnswerInvalid.
    """
    return give(db, run_id, of, Given(value, asked_id))


def give(db: SharedDb, run_id: str, of: Of, given: Given) -> Run:
    """Answer as `answer` does."""
    run = _going_on(db, run_id, of)
    request = run.request
    if run.status != RunStatus.INPUT_REQUIRED or request is None:
        raise NothingAsked(f"The run's agent asks for nothing just now: the run is {run.status}.")
    if given.asked_id not in {None, request["id"]}:
        raise NothingAsked("The run's agent doesn't ask for this: what it asks for now is the run's `request`.")
    _check(request.get("schema"), given.value)
    told = {"id": request["id"], "value": given.value}
    change = Change(
        RunStatus.QUEUED,
        explain(Reason.ANSWERED),
        deadline_in=accepting.wait_seconds(),
        columns={"answer": told, "retries": run.retries + 1},
        due_in=0,
        before=[(EventType.ANSWER, {**given.more, **told})],
    )
    recording.record(db, run, change)
    return reading.find(db, run_id, of)


def _going_on(db: SharedDb, run_id: str, of: Of) -> Run:
    """Return a run, locked. Raises RunNotFound, RunEnded."""
    run = reading.locked(db, run_id, of)
    if run.ended:
        raise RunEnded(f"The run has ended, as {run.status}: nothing of it can be changed any more.")
    return run


def _check(schema: JsonValue, value: JsonValue) -> None:
    if not isinstance(schema, dict):
        return
    found = list(json_schemas.validator(schema).iter_errors(value))
    if found:
        errors = [FieldError(pointer(["value", *each.instance_path]), "invalid", each.message) for each in found[:20]]
        raise AnswerInvalid(errors=errors)
