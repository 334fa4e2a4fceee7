"""Redriving and discarding what is stuck in the event path: by id or by a filter, for real or as a dry run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import Connection, RowMapping, text

from core.ids import new_id
from events.catalog.dead_letters import DeadLettersResolved
from events.outbox import emit
from events.wire import NotAnEventError, decode, fits
from functions.domain.api_errors import ApiError, Conflict
from functions.domain.event_path.dead_letters import MATCH, Databases, DeadLetterNotFound, Filter

Resolution = Literal["redriven", "discarded"]

LIMIT: Final = 1000
"""Dead letters that one action is about at most."""

_READ_AT_A_TIME: Final = 20
"""Events that are held in memory at a time; each may have a megabyte."""

_BY_ID: Final = text("select id, kind, resolution from all_dead_letters where id = any(:ids)")
_OLDEST: Final = text(
    f"select id, kind, resolution from all_dead_letters where {MATCH} and resolution is null order by id limit :limit"  # noqa: S608 - constants
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
class Action:
    """What an operator does, and the reason."""

    resolution: Resolution
    resolved_by: str
    """The operator's account id."""
    reason: str | None = None
    dry_run: bool = False
    """Change nothing; return what would be done."""


@dataclass
class Outcome:
    """The dead letters that were resolved (or would be), and those that were skipped."""

    ids: list[str] = field(default_factory=list)
    """Oldest first."""
    skipped: dict[str, type[ApiError]] = field(default_factory=dict)
    """The error of each dead letter that was skipped, by id."""
    more: bool = False
    """Whether the filter has more dead letters than one action is about."""


def resolve(databases: Databases, action: Action, dead_letter: str) -> Outcome:
    """Redrive or discard one dead letter; raise DeadLetterNotFound, DeadLetterResolved, DeadLetterUnreadable or
    DeadLetterTooLarge.
    """
    outcome = resolve_by_id(databases, action, [dead_letter])
    for api_error in outcome.skipped.values():
        raise api_error
    return outcome


def resolve_by_id(databases: Databases, action: Action, dead_letters: Sequence[str]) -> Outcome:
    """Redrive or discard dead letters by id, skipping those with which that can't be done."""
    outcome = Outcome(skipped=dict.fromkeys(dead_letters, DeadLetterNotFound))
    for db in databases.values():
        rows = db.execute(_BY_ID, {"ids": list(outcome.skipped)}).mappings().all()
        _resolve_in(db, action, rows, outcome)
    outcome.ids.sort()
    return outcome


def resolve_matching(databases: Databases, action: Action, criteria: Filter, limit: int = LIMIT) -> Outcome:
    """Redrive or discard the oldest open dead letters of a filter, skipping those with which that can't be done."""
    outcome = Outcome()
    found = [
        (row["id"], name, row)
        for name, db in criteria.among(databases).items()
        for row in db.execute(_OLDEST, criteria.values() | {"limit": limit + 1}).mappings()
    ]
    found.sort(key=lambda each: each[:2])
    outcome.more = len(found) > limit
    for name, db in databases.items():
        _resolve_in(db, action, [row for _, place, row in found[:limit] if place == name], outcome)
    outcome.ids.sort()
    return outcome


def _resolve_in(db: Connection, action: Action, rows: Sequence[RowMapping], outcome: Outcome) -> None:
    """Redrive or discard dead letters of one database, and add them to the outcome."""
    outcome.skipped |= {row["id"]: DeadLetterResolved for row in rows}
    ids = sorted(row["id"] for row in rows if row["resolution"] is None)
    if action.resolution == "redriven":
        unpublishable = dict(_unpublishable(db, ids))
        outcome.skipped |= unpublishable
        ids = [dead_letter for dead_letter in ids if dead_letter not in unpublishable]
    if not action.dry_run and ids:
        values = {"ids": ids, "how": action.resolution, "by": action.resolved_by, "why": action.reason}
        ids = sorted(db.scalars(_RESOLVE, values))
        if ids:
            emit(
                db,
                DeadLettersResolved(
                    action_id=new_id("act"), resolution=action.resolution, dead_letters=ids, reason=action.reason
                ),
            )
    for dead_letter in ids:
        del outcome.skipped[dead_letter]
    outcome.ids += ids


def _unpublishable(db: Connection, dead_letters: Sequence[str]) -> Iterator[tuple[str, type[ApiError]]]:
    """Yield the dead letters that can never be published, with the error."""
    for start in range(0, len(dead_letters), _READ_AT_A_TIME):
        some = dead_letters[start : start + _READ_AT_A_TIME]
        for dead_letter, event in db.execute(_EVENTS, {"ids": some}):
            try:
                if not fits(decode(event.encode())):
                    yield dead_letter, DeadLetterTooLarge
            except NotAnEventError:
                yield dead_letter, DeadLetterUnreadable
