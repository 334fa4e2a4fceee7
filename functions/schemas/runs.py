"""Runs, their events and conversations as they are shown: the shapes that several endpoints answer with."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import ConfigDict, Field, JsonValue

from core.ids import pattern
from functions.schemas.base import PageQuery, Reply
from shared_psql_models.runs import EventType, RunStatus
from shared_psql_models.runs import Run as RunRow
from shared_psql_models.runs import RunEvent as RunEventRow

RunId = Annotated[str, Field(pattern=pattern("run"), examples=["run_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]

ConversationId = Annotated[str, Field(pattern=pattern("con"), examples=["con_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]


class RunQuery(PageQuery):
    """Which runs, and which page of them."""

    status: Annotated[RunStatus | None, Field(description="Only those in this status.")] = None


class RunSummary(Reply):
    """A run in short: without what was said in it."""

    id: str
    instance_id: str
    conversation_id: str
    status: Annotated[RunStatus, Field(description="`completed`, `failed` and `cancelled` are ends, and stay.")]
    reason: Annotated[str, Field(description="Why it has this status, as a code. Codes may be added.")]
    explanation: Annotated[str, Field(description="The reason in words, for people.")]
    protocol: Annotated[str, Field(description="By which it was asked: `api`, `a2a`, `ag-ui`, `mcp` or `responses`.")]
    attempt: Annotated[int, Field(description="How often the agent was called.")]
    usage: Annotated[dict[str, JsonValue], Field(description="What the agent reports, by its names.")]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class AskedRun(RunSummary):
    """A run in short, with what was asked."""

    asked: Annotated[str, Field(description="The text of the message; the reply is the `text` of the run itself.")]

    @classmethod
    def of(cls, run: RunRow) -> Self:
        """Return a run in short."""
        return cls.model_validate(vars(run) | {"asked": run.message["text"]})


class AnyRunSummary(RunSummary):
    """A run in short, as administrators see it: without what was said in it."""

    owner_id: str
    version_id: Annotated[str | None, Field(description="Which answers; null before the first attempt.")]
    deadline_at: Annotated[datetime | None, Field(description="When its status is given up; null for an end.")]


class AnyRun(AnyRunSummary):
    """A run, as administrators see it: without what was said in it."""

    position: Annotated[int, Field(description="In its conversation, whose runs take turns in this order.")]
    place: Annotated[
        int | None,
        Field(description="1 if no run of its conversation has to end first, else one more; null unless it is queued."),
    ]
    retries: Annotated[int, Field(description="Calls of the agent that may be begun after the first.")]
    seconds: Annotated[int, Field(description="How long a call of the agent may take.")]
    status_at: Annotated[datetime, Field(description="Since when it has this status.")]
    due_at: Annotated[datetime, Field(description="From when on a runner may take it.")]
    runner: Annotated[str | None, Field(description="The runner that has the lease on it; null when none has.")]
    lease_expires_at: Annotated[datetime | None, Field(description="When another takes it over, unless it is renewed.")]
    cancel_reason: Annotated[str | None, Field(description="Why it is to be cancelled; null unless it is.")]
    cancelled_by: str | None
    wall_ms: Annotated[int, Field(description="Milliseconds for which the agent was at work.")]
    processor_ms: Annotated[int, Field(description="Milliseconds of processor time that this took.")]
    last_sequence: Annotated[int, Field(description="The number of its last event.")]

    @classmethod
    def seen(cls, run: RunRow, place: int | None) -> Self:
        """Return a run, and its place if it waits for its turn."""
        return cls.model_validate(vars(run) | {"runner": run.lease_owner, "place": place})


class InputRequest(Reply):
    """What an agent asks for."""

    model_config = ConfigDict(serialize_by_alias=True)

    id: Annotated[str, Field(description="Send it with the answer: then nothing else is answered by it.")]
    text: Annotated[str, Field(description="The question.")]
    value_schema: Annotated[
        dict[str, JsonValue], Field(serialization_alias="schema", description="A JSON Schema of what is wanted.")
    ]
    tool: Annotated[
        dict[str, JsonValue] | None, Field(description="The tool of yours that it wants called: `id, name, arguments`.")
    ]


class Run(Reply):
    """A run: one message to an instance, and what becomes of it."""

    id: str
    instance_id: str
    conversation_id: str
    message_id: Annotated[str, Field(description="Of what was asked; the instance's log names it.")]
    status: Annotated[RunStatus, Field(description="`completed`, `failed` and `cancelled` are ends, and stay.")]
    reason: Annotated[str, Field(description="Why it has this status, as a code. Codes may be added.")]
    explanation: Annotated[str, Field(description="The reason in words, for people.")]
    place: Annotated[
        int | None,
        Field(description="1 if no run of its conversation has to end first, else one more; null unless it is queued."),
    ]
    attempt: Annotated[int, Field(description="How often the agent was called.")]
    text: Annotated[str, Field(description="The agent's reply, as far as it has come.")]
    request: Annotated[
        InputRequest | None, Field(description="What the agent asks for; null unless the status is `input_required`.")
    ]
    usage: Annotated[dict[str, JsonValue], Field(description="What the agent reports, by its names.")]
    wall_ms: Annotated[int, Field(description="Milliseconds for which the agent was at work.")]
    processor_ms: Annotated[
        int, Field(description="Milliseconds of processor time that this took; 0 of an image, where it isn't known.")
    ]
    last_sequence: Annotated[int, Field(description="The number of its last event.")]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    deadline_at: Annotated[
        datetime | None, Field(description="When it ends if it has the same status until then; null for an end.")
    ]

    @classmethod
    def of(cls, run: RunRow, text: str, place: int | None = None) -> Self:
        """Return a run with its reply so far, and its place if it waits for its turn."""
        request = None
        # The row has it for good, since it belongs to what was said.
        if run.request is not None and run.status == RunStatus.INPUT_REQUIRED:
            request = InputRequest(
                id=str(run.request["id"]),
                text=str(run.request.get("text", "")),
                value_schema=_members(run.request.get("schema")),
                tool=_members(run.request.get("tool")) or None,
            )
        return cls.model_validate(vars(run) | {"text": text, "place": place, "request": request})

    def etag(self) -> str:
        """Return a hash of the whole: much of it changes without an event."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]


def _members(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


class RunEventQuery(PageQuery):
    """Which events, and which page of them."""

    sequence: Annotated[
        int, Field(alias="after", ge=0, le=2**53, description="Only those with higher numbers than this.")
    ] = 0


class RunEvent(Reply):
    """Something that has happened in a run."""

    sequence: Annotated[int, Field(description="Counts the events of the run, from 1 without gaps.")]
    at: datetime
    type: EventType
    data: Annotated[
        dict[str, JsonValue], Field(description="What has happened: its members go by the type, and more may be added.")
    ]


class KeyedRunEvent(RunEventRow):
    """An event, with the key that pages go by."""

    @property
    def key(self) -> str:
        """Its number as text."""
        return str(self.sequence)


class Conversation(Reply):
    """A conversation with an instance: runs that take turns."""

    id: str
    instance_id: str
    runs: Annotated[int, Field(description="How many messages there have been.")]
    created_at: datetime
    updated_at: Annotated[datetime, Field(description="When the last message came.")]


class ConversationMessage(Reply):
    """Something that was said in a conversation."""

    run_id: str
    role: Annotated[str, Field(pattern="^(user|agent)$", description="Who has said it: `user` or `agent`.")]
    text: Annotated[str, Field(description="What was said; of an agent that is at work, as far as it has come.")]
    at: Annotated[datetime, Field(description="When it was said; of a reply that goes on, when it began.")]


class AcceptedRun(Run):
    """A run that was just asked for."""

    described_headers: ClassVar[Mapping[str, str]] = {
        "Location": "Where the run is.",
        "Preference-Applied": "What was done of what Prefer asked for.",
    }

    waited: Annotated[int | None, Field(exclude=True)] = None
    """For how many seconds its end was waited for, at most; None if it wasn't."""

    def headers(self) -> dict[str, str]:
        """Return where it is, and that its end was waited for."""
        applied = {} if self.waited is None else {"Preference-Applied": f"wait={self.waited}"}
        return {"Location": f"/v1/runs/{self.id}", **applied}


class EndedRun(AcceptedRun):
    """A run that has ended while its end was waited for."""

    http_status: ClassVar[int | None] = 200
