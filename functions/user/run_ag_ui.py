"""POST /v1/instances/{instance_id}/ag-ui: say something by AG-UI, and be told the run's events as they happen."""

from dataclasses import replace
from typing import Final

from functions.domain.ag_ui import beginning
from functions.domain.ag_ui.beginning import InterruptNotOpen, ThreadWaits
from functions.domain.idempotency import IdempotencyKeyReused
from functions.domain.instances.kill_switches import StoppedByOperator
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import accepting, reading
from functions.domain.runs.accepting import InstanceNotRunning, TooManyRuns
from functions.domain.runs.budgets import BudgetExceeded
from functions.domain.runs.commands import AnswerInvalid, NothingAsked, RunEnded
from functions.domain.runs.reading import Of
from functions.runtime import ag_ui
from functions.runtime.ag_ui import RESOURCES
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.providers.streaming import StreamRequest
from functions.runtime.run_stream import RunStream
from functions.schemas.ag_ui import RunAgentInput
from functions.schemas.instance_ids import InstanceId

MAX_BODY: Final = 1024 * 1024
"""Bytes: clients send the whole conversation each time."""


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/ag-ui",
    errors=(
        InstanceNotFound,
        InstanceNotRunning,
        StoppedByOperator,
        TooManyRuns,
        BudgetExceeded,
        IdempotencyKeyReused,
        InterruptNotOpen,
        ThreadWaits,
        AnswerInvalid,
        RunEnded,
        NothingAsked,
    ),
    resources=replace(RESOURCES, settings=accepting.SETTINGS),
    max_body=MAX_BODY,
    audited=False,
)
def run_ag_ui(
    caller: User,
    instance_id: InstanceId,
    run: RunAgentInput,
    asked: StreamRequest,
    transactions: RunTransactions,
) -> RunStream:
    """Tell all events up to the end, or up to an interrupt, which another run resumes.

    Whoever was cut off sends the same once more, with `Last-Event-ID`, and is told the rest.
    """
    after = asked.last_event_id
    with transactions() as db:
        reading.check_instance(db, instance_id, owner_id=caller.id)
        named = beginning.begin(db, Of(caller.id, instance_id), run.wanted(reads_on=after is not None))
        translator = ag_ui.known(db, named, after or 0)
    return ag_ui.streamed(transactions, caller, named, translator, after or 0)
