"""POST /v1/instances/{instance_id}/v1/responses: say something by Open Responses, as OpenAI's clients do."""

from dataclasses import replace
from typing import Final

from functions.domain.idempotency import IdempotencyKeyReused
from functions.domain.instances import reading
from functions.domain.instances.kill_switches import StoppedByOperator
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.open_responses import creating
from functions.domain.open_responses.creating import (
    NothingCalled,
    PreviousResponseContinued,
    PreviousResponseNotFound,
    PreviousResponseWaits,
)
from functions.domain.runs import accepting
from functions.domain.runs.accepting import InstanceNotRunning, TooManyRuns
from functions.domain.runs.budgets import BudgetExceeded
from functions.domain.runs.commands import AnswerInvalid, NothingAsked, RunEnded
from functions.domain.runs.reading import Of
from functions.runtime import open_responses
from functions.runtime.endpoint import endpoint
from functions.runtime.idempotency import IdempotencyKeyInFlight
from functions.runtime.open_responses import PROTOCOL, RESOURCES, ResponseNotFound, ResponseObject, ResponseStream
from functions.runtime.providers.callers import User
from functions.runtime.providers.idempotency_key import IdempotencyKey
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.waiting import Waiting
from functions.schemas.instance_ids import InstanceId
from functions.schemas.open_responses import ResponseRequest

MAX_BODY: Final = 1024 * 1024
"""Bytes: whole conversations, and images in them."""


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/v1/responses",
    errors=(
        InstanceNotFound,
        InstanceNotRunning,
        StoppedByOperator,
        TooManyRuns,
        BudgetExceeded,
        IdempotencyKeyReused,
        IdempotencyKeyInFlight,
        ResponseNotFound,
        PreviousResponseNotFound,
        PreviousResponseWaits,
        PreviousResponseContinued,
        NothingCalled,
        AnswerInvalid,
        RunEnded,
        NothingAsked,
    ),
    resources=replace(RESOURCES, settings=accepting.SETTINGS),
    max_body=MAX_BODY,
    protocol=PROTOCOL,
    audited=False,
)
def create_response(
    caller: User,
    instance_id: InstanceId,
    request: ResponseRequest,
    key: IdempotencyKey,
    transactions: RunTransactions,
) -> ResponseObject | Waiting | ResponseStream:
    """Wait for the response, or with `stream` be told its events; with `background` it is answered at once.

    Whoever goes on from a response that isn't the last of its conversation begins another one with the same history.
    The same request with the same `Idempotency-Key` is answered by the same response; that one may be deleted (404).
    """
    of = Of(caller.id, instance_id)
    with transactions() as db:
        agent = reading.find(db, instance_id, owner_id=caller.id).agent
        # By the request and not by the run that it makes: once the conversation has gone on, or what was asked is
        # answered, the same request would make something else of it.
        made = key.once(db, lambda: creating.create(db, of, request.wanted(model=agent)).id)
        named, run = open_responses.find(db, made, of)
        if request.background and not request.stream:
            return ResponseObject(open_responses.read(db, named, run).response())
    if request.stream:
        return open_responses.streamed(transactions, caller, named, run)
    return open_responses.waited(transactions, named)
