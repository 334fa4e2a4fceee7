"""Why a run is where it is: whose turn it is, who works on it, and what it waits for."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text

from functions.domain.databases import SharedDb
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.instances.reading import find as find_instance
from functions.domain.runs import reading
from functions.domain.runs.reading import Of, RunNotFound
from functions.domain.runs.reasons import Reason
from functions.domain.why import instances
from functions.domain.why.events import made_at
from functions.domain.why.findings import Answer, Code, Finding, Link, NothingKnown, find
from shared_psql_models.runs import EventType, Run, RunStatus
from shared_psql_models.statuses import takes_messages

PATIENCE: Final = timedelta(seconds=5)
"""After which a run whose turn has come should have been taken, if anybody takes runs."""

NEAR: Final = timedelta(seconds=2)
"""How far the ids of a run and of its message may be apart."""

LINKS: Final = 50
"""Events of a run that are looked at from its beginning, and as many from its end."""

_OF_MESSAGE: Final = text("select id from runs where id between :first and :last and message_id = :id")
_EARLIER: Final = text(
    "select id, status from runs where conversation_id = :conversation and position < :position"
    " and status in ('queued', 'running', 'input_required') order by position limit 1"
)
_AT_WORK: Final = text("select exists (select from runs where lease_owner is not null and lease_expires_at > now())")
_TOLD: Final = frozenset({EventType.STATUS, EventType.INPUT, EventType.ANSWER})


def explain(db: SharedDb, run_id: str) -> Answer:
    """Return what happened in a run, without what was said, and what it waits for. Raises NothingKnown."""
    try:
        run = reading.find(db, run_id, Of())
    except RunNotFound:
        raise NothingKnown from None
    return Answer(run_id, "run", finding(db, run), _chain(db, run))


def of_message(db: SharedDb, message_id: str) -> Answer:
    """Return what happened in the run that answers a message. Raises NothingKnown."""
    made = made_at(message_id)
    if made is None:
        raise NothingKnown
    # Both ids were made in the same moment, and that of the run is the one that an index has.
    around = {"first": _first_id(made - NEAR), "last": _first_id(made + NEAR)}
    run_id = db.scalar(_OF_MESSAGE, {**around, "id": message_id})
    if run_id is None:
        raise NothingKnown
    found = explain(db, str(run_id))
    return Answer(message_id, "message", found.finding, found.chain)


def _first_id(at: datetime) -> str:
    """Return the first id of a run that can be made at a time."""
    return f"run_{int(at.timestamp() * 1000):012x}"


def finding(db: SharedDb, run: Run) -> Finding:
    """Return what a run waits for."""
    if run.ended:
        return find(Code.RUN_ENDED, status=run.status, cause=run.explanation)
    if run.status == RunStatus.INPUT_REQUIRED:
        return find(Code.INPUT_AWAITED, run.deadline_at, run=run.id)
    if run.lease_expires_at is not None and run.lease_expires_at < datetime.now(UTC):
        return find(Code.LEASE_LOST, run.lease_expires_at + PATIENCE, worker="runner")
    if run.cancel_reason is not None:
        return find(Code.CANCEL_REQUESTED, run.lease_expires_at, cause=run.cancel_reason)
    if run.lease_owner is not None:
        return find(Code.AGENT_AT_WORK, run.deadline_at, run=run.id)
    return _waits(db, run)


def _waits(db: SharedDb, run: Run) -> Finding:
    """Return what keeps the turn of a run from coming."""
    by_instance = _instance(db, run)
    if by_instance is not None:
        return by_instance
    earlier = db.execute(_EARLIER, {"conversation": run.conversation_id, "position": run.position}).first()
    if earlier is not None:
        return find(Code.EARLIER_RUN, run.deadline_at, earlier=earlier.id, status=earlier.status)
    if run.reason == Reason.PLATFORM_FULL:
        return find(Code.AGENT_HOST_FULL, run.deadline_at)
    if run.reason == Reason.AGENT_UNAVAILABLE:
        return find(Code.AGENT_HOST_AWAY, run.deadline_at)
    late = max(run.due_at, run.status_at) + PATIENCE < datetime.now(UTC)
    if late and not db.scalar(_AT_WORK):
        return find(Code.RUNNER_STOPPED, run.deadline_at)
    return find(Code.TURN_AWAITED, run.deadline_at, cause=run.explanation)


def _instance(db: SharedDb, run: Run) -> Finding | None:
    """Return what a run's instance waits for, unless it takes messages."""
    try:
        instance = find_instance(db, run.instance_id)
    except InstanceNotFound:
        return None
    held = instances.held_back(db, instance)
    if held is not None and held.code != Code.OWNER_UNVERIFIED:
        return held
    if takes_messages(instance.desired_state, instance.status):
        return None
    return instances.finding(db, instance)


def _chain(db: SharedDb, run: Run) -> list[Link]:
    first = reading.events(db, run.id, after=0, limit=LINKS)
    after = max(first[-1].sequence if first else 0, run.last_sequence - LINKS)
    last = reading.events(db, run.id, after=after, limit=LINKS)
    links = [Link(run.created_at, f"It was asked, by {run.protocol}.", run.owner_id, run.message_id)]
    for event in (*first, *last):
        if event.type in _TOLD:
            # What was asked and answered is theirs; what the platform says of it isn't.
            words = {
                EventType.INPUT: "Its agent asked for something.",
                EventType.ANSWER: "That was answered.",
            }.get(event.type) or str(event.data.get("explanation"))
            links.append(Link(event.at, words, run.owner_id if event.type == EventType.ANSWER else "platform", run.id))
    return links
