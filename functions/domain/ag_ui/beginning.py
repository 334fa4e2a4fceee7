"""Beginning runs of AG-UI: each is a new run of ours, or goes on with one whose agent has asked for something."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue
from sqlalchemy import select

from functions.domain.ag_ui.asked import Said
from functions.domain.ag_ui.translating import Named
from functions.domain.api_errors import Conflict, FieldError, Invalid
from functions.domain.databases import SharedDb
from functions.domain.instances.contexts import Tool
from functions.domain.runs import accepting, asking, commands, parts
from functions.domain.runs.accepting import Asked
from functions.domain.runs.commands import Given
from functions.domain.runs.parts import Part
from functions.domain.runs.reading import Of
from shared_psql_models.runs import Run, RunStatus, conversations, runs

PROTOCOL: Final = "ag-ui"


class ThreadWaits(Conflict):
    """The thread's agent waits for an answer: resume its interrupt, or send what its tool call has returned."""


class InterruptNotOpen(Conflict):
    """There is no such interrupt that waits for an answer: it was answered, has run out, or never was."""


@dataclass(frozen=True)
class Resumed:
    """An answer to an interrupt."""

    interrupt_id: str
    cancelled: bool
    payload: JsonValue = None


@dataclass(frozen=True)
class Wanted:
    """What a request asks for."""

    thread_id: str
    run_id: str
    """The client's."""
    said: Said
    resumed: Sequence[Resumed] = ()
    tools: Sequence[Tool] = ()
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    reads_on: bool = False
    """Whether it only goes on reading a run that it has begun before."""


def begin(db: SharedDb, of: Of, wanted: Wanted) -> Named:
    """Return the run that answers; `of` names both the owner and the instance.

    Raises what `accepting.accept` does, AnswerInvalid, and the API errors above.
    """
    conversation_id = _conversation(db, of, wanted)
    found = None if conversation_id is None else _known(db, conversation_id, wanted)
    if found is None:
        found = _answered(db, of, wanted, conversation_id) or _accepted(db, of, wanted, conversation_id)
    return Named(wanted.thread_id, wanted.run_id, found.run_id, found.number)


def _key(client_id: str) -> str:
    return f"{PROTOCOL}:{client_id}"


def _conversation(db: SharedDb, of: Of, wanted: Wanted) -> str | None:
    same = (conversations.c.instance_id == of.instance_id, conversations.c.client_key == _key(wanted.thread_id))
    query = select(conversations.c.id).where(*same, conversations.c.owner_id == of.owner_id)
    found = db.scalar(query)
    return None if found is None else str(found)


def _known(db: SharedDb, conversation_id: str, wanted: Wanted) -> Part | None:
    """Return what was begun by this request before: a run only if it is read on, since else it may ask otherwise."""
    if wanted.reads_on:
        same = (runs.c.conversation_id == conversation_id, runs.c.client_key == _key(wanted.run_id))
        run_id = db.scalar(select(runs.c.id).where(*same))
        if run_id is not None:
            return Part(str(run_id), 0)
    return parts.begun_by(db, conversation_id, _key(wanted.run_id))


def _answered(db: SharedDb, of: Of, wanted: Wanted, conversation_id: str | None) -> Part | None:
    """Answer what the thread's agent asks, and return what goes on; None if it asks nothing and nothing is answered."""
    run = None if conversation_id is None else parts.last_of(db, conversation_id)
    if run is None or not parts.waits(run):
        if wanted.resumed:
            return _cancelled(db, run, wanted)
        return None
    request = run.request or {}
    asked, keyed = str(request["id"]), {"client_key": _key(wanted.run_id)}
    if any(each.interrupt_id != asked for each in wanted.resumed):
        raise InterruptNotOpen
    if wanted.resumed:
        [*_, resumed] = wanted.resumed
        if resumed.cancelled:
            commands.cancel(db, run.id, of)
        else:
            commands.give(db, run.id, of, Given(resumed.payload, asked, keyed))
    elif asked in wanted.said.results:
        value = parts.fitting(request.get("schema"), wanted.said.results[asked])
        commands.give(db, run.id, of, Given(value, asked, keyed))
    else:
        raise ThreadWaits
    return Part(run.id, parts.count(db, run.id))


def _is_first(db: SharedDb, wanted: Wanted, conversation_id: str | None) -> bool:
    """Return whether the thread begins with this: of a later message's history we know."""
    if conversation_id is None:
        return True
    same = (runs.c.conversation_id == conversation_id, runs.c.client_key == _key(wanted.run_id))
    return db.scalar(select(runs.c.position).where(*same)) == 1


def _cancelled(db: SharedDb, run: Run | None, wanted: Wanted) -> Part:
    """Return the end of a run whose interrupt was cancelled by this request before. Raises InterruptNotOpen."""
    if run is None or run.status != RunStatus.CANCELLED or not all(each.cancelled for each in wanted.resumed):
        raise InterruptNotOpen
    return Part(run.id, parts.count(db, run.id))


def _accepted(db: SharedDb, of: Of, wanted: Wanted, conversation_id: str | None) -> Part:
    said = wanted.said
    if said.text is None:
        message = "The last message is to be the user's, or what a tool has returned that the agent waits for."
        raise Invalid(message, errors=[FieldError("/messages", "missing", message)])
    history = asking.bounded(reversed(said.history)) if _is_first(db, wanted, conversation_id) else ()
    asked = Asked(
        said.text,
        conversation_key=_key(wanted.thread_id),
        client_key=_key(wanted.run_id),
        protocol=PROTOCOL,
        more={
            "protocol_id": said.message_id,
            "tools": [each.model_dump(mode="json") for each in wanted.tools],
            "metadata": dict(wanted.metadata),
            "history": [each.model_dump(mode="json") for each in history],
        },
    )
    return Part(accepting.accept(db, str(of.instance_id), str(of.owner_id), asked).run.id, 0)
