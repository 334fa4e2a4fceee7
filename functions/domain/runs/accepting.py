"""Accepting what somebody says to an instance: a run, its first event and its CloudEvent, in one transaction."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue
from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core import context
from core.configuration import setting
from core.ids import new_id
from functions.domain.api_errors import Conflict, TooMany
from functions.domain.databases import SharedDb
from functions.domain.idempotency import IdempotencyKeyReused
from functions.domain.instances import kill_switches
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import budgets, reading, recording
from functions.domain.runs.reading import ConversationNotFound
from functions.domain.runs.reasons import Reason, explain
from shared_psql_models.runs import Run, RunEvent, conversations, runs
from shared_psql_models.statuses import DesiredState, Status, takes_messages

SECONDS_SETTING: Final = "RUN_SECONDS"
"""How long an agent may take to answer, at most and unless less is asked for."""

SECONDS: Final = 600

WAIT_SETTING: Final = "RUN_QUEUE_SECONDS"
"""How long a run may wait for its turn."""

WAIT: Final = 3600

OPEN_OF_INSTANCE: Final = 200
"""Runs of one instance that may be queued or under way."""

OPEN_OF_OWNER: Final = 1000

SETTINGS: Final = (SECONDS_SETTING, WAIT_SETTING)


class InstanceNotRunning(Conflict):
    """The instance isn't running: start it first."""


class TooManyRuns(TooMany):
    """More messages wait for an answer than may: wait until some are answered, or cancel them."""


@dataclass(frozen=True)
class Asked:
    """What somebody says to an instance."""

    text: str
    conversation_id: str | None = None
    """The conversation that it belongs to; None begins one."""
    conversation_key: str | None = None
    """By what the client of a protocol knows the conversation, in the place of its id: begun if there is none."""
    client_key: str | None = None
    """By which whoever asks twice is given the run that there is; None makes a new one each time."""
    protocol: str = "api"
    more: dict[str, JsonValue] = field(default_factory=dict)
    """What else the agent is told: `tools`, `protocol_id`, `metadata`, and as `history` the messages before it."""
    seconds: int | None = None
    """How long the agent may take; None for as long as the installation allows."""


@dataclass(frozen=True)
class Accepted:
    """The run that answers."""

    run: Run
    begun: RunEvent | None
    """Its first event, if it is new."""


_INSTANCE: Final = text("select * from instance_to_ask(:id, :owner_id)")


def wait_seconds() -> int:
    """Return how long a run may wait for its turn."""
    return int(setting(WAIT_SETTING, "") or WAIT)


def accept(db: SharedDb, instance_id: str, owner_id: str, asked: Asked, *, last: bool = False) -> Accepted:
    """Return the run by which an instance answers.

    With `last` nothing is written behind it, and the transaction may be over.

    Raises InstanceNotFound, InstanceNotRunning, StoppedByOperator, ConversationNotFound, IdempotencyKeyReused,
    TooManyRuns and BudgetExceeded.
    """
    # Before anything is locked: to let go of a lock waits for the disk, and whoever was cut off asks this to read on.
    known = _known(db, instance_id, owner_id, asked)
    if known is not None:
        return Accepted(known, None)
    instance = db.execute(_INSTANCE, {"id": instance_id, "owner_id": owner_id}).first()
    if instance is None:
        raise InstanceNotFound
    kill_switches.refuse(instance.kill_switch)
    if not takes_messages(DesiredState(instance.desired_state), Status(instance.status)):
        message = f"The instance takes no messages, its status is {instance.status}: {instance.message}"
        raise InstanceNotRunning(message)
    if instance.open_of_instance >= OPEN_OF_INSTANCE:
        raise TooManyRuns(f"{OPEN_OF_INSTANCE} messages wait for an answer of this instance: that many may.")
    if instance.waiting_of_owner >= OPEN_OF_OWNER:
        raise TooManyRuns(f"{OPEN_OF_OWNER} of your messages wait for their turn: that many may.")
    conversation_id, position = _turn(db, instance_id, owner_id, asked)
    place = {"instance_id": instance_id, "owner_id": owner_id, "conversation_id": conversation_id, "position": position}
    row = _row(asked, place | {"retries": instance.retries})
    begun = recording.begin(db, row, explain(Reason.ACCEPTED), last=last and not instance.budgeted)
    if begun is None:
        # Somebody else has just asked with the same key, and is done.
        known = _known(db, instance_id, owner_id, asked)
        if known is None:
            raise InstanceNotFound
        return Accepted(known, None)
    if instance.budgeted:
        budgets.reserve(db, begun.run)
    return Accepted(begun.run, begun.event)


def fingerprint(asked: Asked) -> str:
    """Return a hash of what is asked, by which two requests with one key are compared."""
    told = [asked.text, asked.conversation_id, asked.conversation_key, asked.more, asked.seconds]
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _known(db: SharedDb, instance_id: str, owner_id: str, asked: Asked) -> Run | None:
    """Return the run that was made with the same key. Raises IdempotencyKeyReused when it was asked something else."""
    if asked.client_key is None:
        return None
    same = {"instance": instance_id, "owner": owner_id, "client_key": asked.client_key}
    row = db.execute(_KNOWN, same).mappings().first()
    if row is None:
        return None
    run = Run.of(row)
    if run.fingerprint != fingerprint(asked):
        raise IdempotencyKeyReused
    return run


_KNOWN: Final = select(runs).where(
    runs.c.instance_id == bindparam("instance"),
    runs.c.owner_id == bindparam("owner"),
    runs.c.client_key == bindparam("client_key"),
    reading.is_there(runs.c.instance_id),
)


def _turn(db: SharedDb, instance_id: str, owner_id: str, asked: Asked) -> tuple[str, int]:
    """Return the conversation and the position in it. Raises ConversationNotFound."""
    if asked.conversation_id is None:
        row = {"id": new_id("con"), "instance_id": instance_id, "owner_id": owner_id, "runs": 1}
        if asked.conversation_key is None:
            db.execute(_NEW_CONVERSATION, row)
            return str(row["id"]), 1
        found = db.execute(_KNOWN_CONVERSATION, row | {"client_key": asked.conversation_key}).one()
        return str(found.id), int(found.runs)
    taken = db.scalar(_NEXT_TURN, {"conversation_id": asked.conversation_id, "instance": instance_id})
    if taken is None:
        raise ConversationNotFound("There is no such conversation with this instance, or it isn't yours.")
    return asked.conversation_id, int(taken)


_NEW_CONVERSATION: Final = insert(conversations).execution_options(unanswered=True)

_COUNTED: Final = {"runs": conversations.c.runs + 1, "updated_at": func.now()}

_KNOWN_CONVERSATION: Final = (
    insert(conversations)
    .on_conflict_do_update(index_elements=["instance_id", "client_key"], set_=_COUNTED)
    .returning(conversations.c.id, conversations.c.runs)
)

_NEXT_TURN: Final = (
    update(conversations)
    .where(
        conversations.c.id == bindparam("conversation_id"),
        conversations.c.instance_id == bindparam("instance"),
    )
    .values(_COUNTED)
    .returning(conversations.c.runs)
)


def _row(asked: Asked, place: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of the run that answers."""
    longest = int(setting(SECONDS_SETTING, "") or SECONDS)
    return {
        **place,
        "id": new_id("run"),
        "protocol": asked.protocol,
        "client_key": asked.client_key,
        "fingerprint": None if asked.client_key is None else fingerprint(asked),
        "message_id": new_id("msg"),
        "message": {"text": asked.text, **asked.more},
        "seconds": min(asked.seconds or longest, longest),
        "patience": wait_seconds(),
        "traceparent": context.current().traceparent,
    }
