"""Why an event is where it is: in the outbox, on its way, with a subscriber that fails, or done."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, Row, text

from events import subscriptions
from functions.domain.event_path import status
from functions.domain.event_path.dead_letters import Databases
from functions.domain.why.findings import Answer, Code, Finding, Link, NothingKnown, find

SHARED: Final = "shared_psql"

MAIL: Final = frozenset({"send_mail", "mail_other_address"})
"""Subscribers that send mail, and fail when the mail server does."""

CAUSES: Final = 5
"""Events that are followed back from one to what has caused it, at most."""

_V7: Final = re.compile(r"[a-z]{3}_([0-9a-f]{12})7[0-9a-f]{19}")

_TRAIL: Final = text("select * from event_trail(:id, :made)")
_HANDLED: Final = text(
    "select subscriber, received from inbox where subscriber = any(:names) and source = :source and id = :id"
)
_DEAD: Final = text(
    "select id, kind, queue, event_id, source, type, subject, reason, detail, attempts, died_at, resolution,"
    " resolved_by, resolved_at from all_dead_letters where event_id = :id order by died_at"
)
_DEFERRED: Final = text(
    "select queue, subject, attempts, due, since from deferred_events join deferred_subjects using (queue, subject)"
    " where queue = any(:queues) and source = :source and event_id = :id"
)


def made_at(an_id: str) -> datetime | None:
    """Return the time that is in an id; None for one that has none."""
    found = _V7.fullmatch(an_id)
    return None if found is None else datetime.fromtimestamp(int(found[1], 16) / 1000, UTC)


def explain(databases: Databases, event_id: str) -> Answer:
    """Return what became of an event, where it waits, and what has caused it. Raises NothingKnown."""
    trails = {name: db.execute(_TRAIL, _asked(event_id)).all() for name, db in databases.items()}
    dead = [row for db in databases.values() for row in db.execute(_DEAD, {"id": event_id})]
    own = [(name, row) for name, trail in trails.items() for row in trail if row.id == event_id]
    if not own and not dead:
        raise NothingKnown
    caused = [row for trail in trails.values() for row in trail if row.id != event_id]
    chain = [*(_said(row) for row in caused), *(link for row in dead for link in _died(row))]
    if own:
        chain += [*_causes(databases, own[0][1].causationid), _said(own[0][1])]
    handled: dict[str, datetime] = {}
    waiting: list[Row[tuple[object, ...]]] = []
    kind, source = (own[0][1].type, f"/botberi/{own[0][0]}") if own else (dead[0].type, dead[0].source)
    queues = subscriptions.queues_for(kind)
    for name, db in databases.items():
        asked = {"source": source, "id": event_id}
        handled |= {
            row.subscriber: row.received
            for row in db.execute(_HANDLED, asked | {"names": [subscriber_of(each) for each in queues]})
        }
        if name == SHARED:
            waiting = list(db.execute(_DEFERRED, asked | {"queues": queues}))
    chain += [Link(at, "A subscriber handled it.", name, event_id) for name, at in handled.items()]
    chain += [Link(row.since, "A subscriber failed on it.", subscriber_of(row.queue), event_id) for row in waiting]
    finding = _stuck(dead) or _deferred(waiting)
    if finding is None and own and not own[0][1].delivered:
        finding = _in_outbox(own[0][0], databases[own[0][0]])
    if finding is None:
        left = sorted({subscriber_of(each) for each in queues} - handled.keys())
        finding = find(Code.SUBSCRIBER_WAITING, subscriber=", ".join(left)) if left else find(Code.EVENT_HANDLED)
    return Answer(event_id, "event", finding, sorted(chain, key=lambda link: link.at))


def of_dead_letter(databases: Databases, dead_letter: str) -> Answer:
    """Return what became of the event that a dead letter or parked event is. Raises NothingKnown."""
    query = text("select event_id from all_dead_letters where id = :id")
    for db in databases.values():
        event_id = db.scalar(query, {"id": dead_letter})
        if event_id is not None:
            found = explain(databases, str(event_id))
            return Answer(dead_letter, "dead letter", found.finding, found.chain)
    raise NothingKnown


def subscriber_of(queue: str) -> str:
    """Return the name of the function whose queue it is."""
    return queue.removeprefix("botberi.").replace("-", "_")


def _asked(event_id: str) -> dict[str, object]:
    return {"id": event_id, "made": made_at(event_id)}


def _said(row: Row[tuple[object, ...]]) -> Link:
    return Link(row.at, f"{row.type} was said about {row.subject}.", row.actor, row.id)


def _causes(databases: Databases, event_id: str | None) -> Iterator[Link]:
    """Yield what has caused an event, as far back as the outbox goes."""
    for _ in range(CAUSES):
        if event_id is None:
            return
        trails = (db.execute(_TRAIL, _asked(event_id)).all() for db in databases.values())
        row = next((row for trail in trails for row in trail if row.id == event_id), None)
        if row is None:
            return
        yield _said(row)
        event_id = row.causationid


def _died(row: Row[tuple[object, ...]]) -> Iterator[Link]:
    what = "It could not be published" if row.kind == "parked" else "A subscriber gave it up"
    who = "relay" if row.kind == "parked" else subscriber_of(row.queue)
    yield Link(row.died_at, f"{what}: {row.reason}.", who, row.id)
    if row.resolved_at is not None:
        yield Link(row.resolved_at, f"It was {row.resolution}.", row.resolved_by or "relay", row.id)


def _stuck(dead: list[Row[tuple[object, ...]]]) -> Finding | None:
    """Return the finding of the newest dead letter that is open."""
    for row in reversed(dead):
        if row.resolution is None:
            facts = {"cause": f"{row.reason}, {row.detail}", "dead_letter": row.id, "attempts": row.attempts}
            if row.kind == "parked":
                return find(Code.EVENT_PARKED, **facts)
            return find(Code.EVENT_DEAD, subscriber=subscriber_of(row.queue), **facts)
    return None


def _deferred(waiting: list[Row[tuple[object, ...]]]) -> Finding | None:
    for row in waiting:
        subscriber = subscriber_of(row.queue)
        code = Code.MAIL_SERVER_AWAY if subscriber in MAIL else Code.SUBSCRIBER_FAILING
        return find(code, row.due, subscriber=subscriber, attempts=row.attempts)
    return None


def _in_outbox(database: str, db: Connection) -> Finding:
    path = status.of(db)
    if path.relays == 0:
        return find(Code.RELAY_STOPPED, database=database)
    return find(Code.RELAY_BEHIND, database=database, waiting=path.waiting)
