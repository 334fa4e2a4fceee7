"""POST /v1/instances/{instance_id}/messages: say something to a running instance, which begins a run."""

import json
import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import PydanticCustomError

from functions.domain.databases import SharedDb
from functions.domain.idempotency import IdempotencyKeyReused
from functions.domain.instances.contexts import MESSAGE_BYTES
from functions.domain.instances.kill_switches import StoppedByOperator
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import accepting, reading
from functions.domain.runs.accepting import Asked, InstanceNotRunning, TooManyRuns
from functions.domain.runs.budgets import BudgetExceeded
from functions.domain.runs.reading import ConversationNotFound
from functions.runtime import run_stream
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.event_stream import EventStream
from functions.runtime.providers.callers import User
from functions.runtime.providers.idempotency_key import IdempotencyKey
from functions.runtime.providers.preferences import Preferences
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.providers.streaming import StreamRequest
from functions.runtime.run_stream import RunStream
from functions.runtime.waiting import Waiting
from functions.schemas.base import Body
from functions.schemas.instance_ids import InstanceId
from functions.schemas.runs import AcceptedRun, ConversationId, EndedRun
from shared_psql_models.runs import Run

MORE_BYTES: Final = 128 * 1024
"""Bytes that metadata, and all tools together, may have as JSON in UTF-8."""

MAX_BODY: Final = 1024 * 1024
"""Bytes: enough for all of it with each character escaped."""

# The separators from U+001C on are white space to Python alone, and not to the pattern that the API's document has.
_READABLE: Final = re.compile("[\\S\x1c-\x1f]")


def _few_bytes(text: str) -> str:
    """Return a text that isn't too long in bytes, so that every script is counted alike."""
    if len(text.encode()) > MESSAGE_BYTES:
        raise PydanticCustomError("too_long", f"Longer than {MESSAGE_BYTES:,} bytes of UTF-8")
    return text


def _something(text: str) -> str:
    """Return a text in which there is something to read: that a pattern doesn't fit tells nobody what is missing."""
    if not _READABLE.search(text):
        raise PydanticCustomError("blank", "There is nothing in it but white space")
    return text


def _small(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _check_size(metadata)
    return metadata


def _small_tools(tools: "list[MessageTool]") -> "list[MessageTool]":
    _check_size([each.model_dump(mode="json") for each in tools])
    return tools


def _check_size(value: JsonValue) -> None:
    if len(json.dumps(value, ensure_ascii=False).encode()) > MORE_BYTES:
        raise PydanticCustomError("too_long", f"Longer than {MORE_BYTES:,} bytes of JSON")


class MessageTool(Body):
    """A tool of the caller's, which the agent may want called."""

    name: Annotated[str, Field(min_length=1, max_length=256, examples=["look_up"])]
    description: Annotated[str, Field(max_length=4096)] = ""
    parameters: Annotated[
        dict[str, JsonValue], Field(default_factory=dict, description="A JSON Schema of its arguments.")
    ]


class NewMessage(Body):
    """What to say."""

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MESSAGE_BYTES,
            json_schema_extra={"pattern": r"\S"},
            examples=["Hello"],
            description=f"Up to {MESSAGE_BYTES:,} bytes of UTF-8, something else than white space among it.",
        ),
        AfterValidator(_few_bytes),
        AfterValidator(_something),
    ]
    conversation_id: Annotated[
        ConversationId | None, Field(description="The conversation that goes on; without it a new one begins.")
    ] = None
    tools: Annotated[list[MessageTool], Field(default_factory=list, max_length=128), AfterValidator(_small_tools)]
    metadata: Annotated[
        dict[str, JsonValue],
        Field(default_factory=dict, description="Whatever the agent is to know beside."),
        AfterValidator(_small),
    ]
    seconds: Annotated[
        int | None, Field(ge=1, le=600, description="How long the agent may take; without it as long as any may.")
    ] = None

    def asked(self, client_key: str | None) -> Asked:
        """Return it as the domain is asked it."""
        more: dict[str, JsonValue] = {}
        if self.tools:
            more["tools"] = [each.model_dump(mode="json") for each in self.tools]
        if self.metadata:
            more["metadata"] = self.metadata
        return Asked(self.text, self.conversation_id, client_key=client_key, more=more, seconds=self.seconds)


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/messages",
    status=202,
    errors=(
        InstanceNotFound,
        InstanceNotRunning,
        StoppedByOperator,
        ConversationNotFound,
        IdempotencyKeyReused,
        TooManyRuns,
        BudgetExceeded,
    ),
    resources=Resources(concurrency=32, timeout_seconds=580, settings=accepting.SETTINGS),
    max_body=MAX_BODY,
    audited=False,
)
def send_message(
    caller: User,
    instance_id: InstanceId,
    message: NewMessage,
    key: IdempotencyKey,
    preferences: Preferences,
    stream: StreamRequest,
    transactions: RunTransactions,
) -> AcceptedRun | EndedRun | EventStream | Waiting:
    """Have the agent answer, in its turn: the run tells what becomes of it.

    With `Prefer: wait=30` the answer waits for the run's end, and then is a 200; when that doesn't come in time, or the
    agent asks for something, it is the 202 all the same, and the run goes on. With `Accept: text/event-stream` the
    run's events follow as they come, the same as of `GET /v1/runs/{run_id}/stream`, which goes on where this is cut
    off. Leaving stops nothing. Whoever asks again with the same `Idempotency-Key` is given the same run.
    """
    with transactions() as db:
        # Unless it has to be counted then how many come first.
        last = stream.wanted or message.conversation_id is None
        accepted = accepting.accept(db, instance_id, caller.id, message.asked(key.prefixed("api:")), last=last)
        run = accepted.run
        shown = None if stream.wanted else _shown(db, run, AcceptedRun)
    if shown is None:
        after, location = stream.last_event_id or 0, {"Location": f"/v1/runs/{run.id}"}
        return RunStream(transactions, run.id, caller, after=after, headers=location, begun=accepted.begun)
    wait = preferences.wait
    if wait is None:
        return shown

    def make(db: SharedDb, run: Run) -> AcceptedRun:
        return _shown(db, run, EndedRun if run.ended else AcceptedRun).model_copy(update={"waited": wait})

    return run_stream.waiting(transactions, run.id, make, seconds=wait, otherwise=lambda: shown)


def _shown(db: SharedDb, run: Run, kind: type[AcceptedRun]) -> AcceptedRun:
    return kind.of(run, reading.text_so_far(db, run), reading.place(db, run))
