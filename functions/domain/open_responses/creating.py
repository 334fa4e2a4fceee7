"""Creating responses: each is a new run, or goes on with one whose agent has asked for something."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from pydantic import JsonValue
from sqlalchemy import select

from functions.domain.api_errors import FieldError, Malformed
from functions.domain.databases import SharedDb
from functions.domain.instances.contexts import EarlierMessage, Tool
from functions.domain.open_responses import names
from functions.domain.open_responses.asked import Output, Said
from functions.domain.open_responses.names import Named
from functions.domain.open_responses.resources import ASKED
from functions.domain.runs import accepting, asking, commands, parts, reading
from functions.domain.runs.accepting import Asked
from functions.domain.runs.commands import Given
from functions.domain.runs.reading import Of, RunNotFound
from shared_psql_models.runs import Run, conversations

PROTOCOL: Final = "responses"


class PreviousResponseNotFound(Malformed):
    """There is no response with this previous_response_id, or it isn't yours."""


class PreviousResponseWaits(Malformed):
    """The previous response has called a function: send what that returned as a function_call_output."""


class PreviousResponseContinued(Malformed):
    """The conversation goes on from a later part of this response: name the last one."""


class NothingCalled(Malformed):
    """No function was called with this call_id that still waits for an output."""


@dataclass(frozen=True)
class Wanted:
    """What a request asks for."""

    said: Said
    tools: Sequence[Tool]
    metadata: Mapping[str, JsonValue]
    """What the agent is told beside the text."""
    repeated: Mapping[str, JsonValue]
    """What the response repeats of the request."""
    previous_id: str | None = None


def create(db: SharedDb, of: Of, wanted: Wanted) -> Named:
    """Return the response that answers; `of` names both the owner and the instance.

    Raises what `accepting.accept` does, AnswerInvalid, and the API errors above.
    """
    named, run = _previous(db, of, wanted)
    if wanted.said.text is None:
        return _put_out(db, of, wanted, run)
    if run is None or named is None:
        return _begin(db, of, wanted, None, wanted.said.history)
    db.execute(select(conversations.c.id).where(conversations.c.id == run.conversation_id).with_for_update())
    asked = parts.count(db, run.id)
    if named.part < asked - parts.waits(run):
        raise PreviousResponseContinued
    if parts.waits(run):
        return _reply(db, of, wanted, run)
    last = parts.last_of(db, run.conversation_id)
    if last is not None and last.id == run.id:
        return _begin(db, of, wanted, run.conversation_id, wanted.said.history)
    # Somebody has gone on from it before: this goes another way, in a conversation of its own with the same beginning.
    before = asking.before(db, run.conversation_id, run.position + 1)
    return _begin(db, of, wanted, None, asking.bounded(chain(reversed(wanted.said.history), before)))


def _previous(db: SharedDb, of: Of, wanted: Wanted) -> tuple[Named | None, Run | None]:
    if wanted.previous_id is not None:
        named = names.named(wanted.previous_id)
    else:
        # Whoever sends back all items of a response needs no id of it.
        called = wanted.said.run_id if wanted.said.text is None else None
        named = Named(called) if called else None
    if named is None:
        if wanted.previous_id is not None:
            raise PreviousResponseNotFound
        return None, None
    try:
        return named, reading.find(db, named.run_id, of)
    except RunNotFound:
        raise PreviousResponseNotFound from None


def _begin(
    db: SharedDb, of: Of, wanted: Wanted, conversation_id: str | None, history: Sequence[EarlierMessage]
) -> Named:
    told = asking.bounded(reversed(history))
    asked = Asked(
        wanted.said.text or "",
        conversation_id=conversation_id,
        protocol=PROTOCOL,
        more={
            "tools": [each.model_dump(mode="json") for each in wanted.tools],
            "metadata": dict(wanted.metadata),
            "history": [each.model_dump(mode="json") for each in told],
            ASKED: dict(wanted.repeated),
        },
    )
    return Named(accepting.accept(db, str(of.instance_id), str(of.owner_id), asked).run.id)


def _reply(db: SharedDb, of: Of, wanted: Wanted, run: Run) -> Named:
    """Take a message of the user's for the answer where the agent has asked the person. Raises AnswerInvalid."""
    request = run.request or {}
    if request.get("tool") is not None:
        raise PreviousResponseWaits
    return _give(db, of, run, Output(str(request["id"]), wanted.said.text or ""))


def _put_out(db: SharedDb, of: Of, wanted: Wanted, run: Run | None) -> Named:
    """Take what a function has returned; the same once more is answered as the first time."""
    if run is None:
        raise PreviousResponseNotFound("Say by previous_response_id which response has called the function.")
    given = {each["id"]: (number, each["value"]) for number, each in enumerate(parts.answers(db, run.id), start=1)}
    for output in wanted.said.outputs:
        if parts.waits(run) and run.request is not None and run.request["id"] == output.call_id:
            return _give(db, of, run, output)
        number, value = given.get(output.call_id, (0, None))
        if number and value in (output.text, parts.fitting({"const": value}, output.text)):
            return Named(run.id, number)
    unknown = FieldError("/input", "unknown_call", NothingCalled.message())
    raise NothingCalled(errors=[unknown])


def _give(db: SharedDb, of: Of, run: Run, output: Output) -> Named:
    value = parts.fitting((run.request or {}).get("schema"), output.text)
    commands.give(db, run.id, of, Given(value, output.call_id))
    return Named(run.id, parts.count(db, run.id))
