"""Redriving and discarding what is stuck in the event path: by id or by a filter, for real or as a trial."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Connection, text

from core.ids import new_id
from events.catalog.dead_letters import DeadLettersResolved
from events.outbox import emit
from events.wire import NotAnEventError, decode, fits
from functions.domain.event_path.letters import CHOSEN, Databases, DeadLetterNotFound, Which
from functions.domain.refusals import Conflict, Refusal

How = Literal["redriven", "discarded"]

MOST: Final = 1000
"""Letters that one act is about at most."""

_READ_AT_A_TIME: Final = 20
"""Events that are held in memory at a time; each may have a megabyte."""

_NAMED: Final = text("select id, kind, resolution from all_dead_letters where id = any(:ids)")
_OLDEST: Final = text(
    f"select id, kind, resolution from all_dead_letters where {CHOSEN} and resolution is null order by id limit :limit"  # noqa: S608 - constants
)
_EVENTS: Final = text("select id, event from all_dead_letters where id = any(:ids)")
_RESOLVE: Final = text("select resolve_dead_letters(:ids, :how, :by, :why)")


class DeadLetterResolved(Conflict):
    """This dead letter or parked event was redriven or discarded before."""


class DeadLetterUnreadable(Conflict):
    """This dead letter is no event, so it can't be redriven: discard it."""


class DeadLetterTooLarge(Conflict):
    """The attributes of this event are more than RabbitMQ takes, so it can't be redriven: discard it."""


@dataclass(frozen=True)
class Act:
    """What an operator does, and why."""

    how: How
    by: str
    """Who, an account's id."""
    why: str | None = None
    dry_run: bool = False
    """Only tell what would be done."""


@dataclass
class Outcome:
    """What was done, or would be."""

    ids: list[str] = field(default_factory=list)
    """Oldest first."""
    skipped: dict[str, type[Refusal]] = field(default_factory=dict)
    """What could not be done, by id."""
    more: bool = False
    """Whether the filter has more letters than one act is about."""


def resolve(databases: Databases, act: Act, letter: str) -> Outcome:
    """Redrive or discard one letter; raise DeadLetterNotFound, DeadLetterResolved, DeadLetterUnreadable or
    DeadLetterTooLarge.
    """
    outcome = resolve_named(databases, act, [letter])
    for refusal in outcome.skipped.values():
        raise refusal
    return outcome


def resolve_named(databases: Databases, act: Act, letters: Sequence[str]) -> Outcome:
    """Redrive or discard letters by their ids; those with which that can't be done are skipped."""
    outcome = Outcome(skipped=dict.fromkeys(letters, DeadLetterNotFound))
    for db in databases.values():
        rows = db.execute(_NAMED, {"ids": list(outcome.skipped)}).mappings().all()
        _act_on(db, act, rows, outcome)
    outcome.ids.sort()
    return outcome


def resolve_chosen(databases: Databases, act: Act, which: Which, most: int = MOST) -> Outcome:
    """Redrive or discard the oldest open letters of a filter; those with which that can't be done are skipped."""
    outcome = Outcome()
    found = [
        (row["id"], name, row)
        for name, db in which.among(databases).items()
        for row in db.execute(_OLDEST, which.values() | {"limit": most + 1}).mappings()
    ]
    found.sort(key=lambda each: each[:2])
    outcome.more = len(found) > most
    for name, db in databases.items():
        _act_on(db, act, [row for _, place, row in found[:most] if place == name], outcome)
    outcome.ids.sort()
    return outcome


def _act_on(db: Connection, act: Act, rows: Sequence[Any], outcome: Outcome) -> None:
    """Do it with letters of one database, and put down which it was done with."""
    outcome.skipped |= {row["id"]: DeadLetterResolved for row in rows}
    ids = sorted(row["id"] for row in rows if row["resolution"] is None)
    if act.how == "redriven":
        hopeless = dict(_hopeless(db, ids))
        outcome.skipped |= hopeless
        ids = [letter for letter in ids if letter not in hopeless]
    if not act.dry_run and ids:
        values = {"ids": ids, "how": act.how, "by": act.by, "why": act.why}
        ids = sorted(db.scalars(_RESOLVE, values))
        if ids:
            emit(db, DeadLettersResolved(act_id=new_id("act"), resolution=act.how, letters=ids, why=act.why))
    for letter in ids:
        del outcome.skipped[letter]
    outcome.ids += ids


def _hopeless(db: Connection, letters: Sequence[str]) -> Iterator[tuple[str, type[Refusal]]]:
    """Yield what can never be published, with why."""
    for start in range(0, len(letters), _READ_AT_A_TIME):
        some = letters[start : start + _READ_AT_A_TIME]
        for letter, event in db.execute(_EVENTS, {"ids": some}):
            try:
                if not fits(decode(event.encode())):
                    yield letter, DeadLetterTooLarge
            except NotAnEventError:
                yield letter, DeadLetterUnreadable
