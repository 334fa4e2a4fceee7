"""Reading the audit trail of a database, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, TextClause, text

from functions.domain.audit.entries import Origin, Outcome

COLUMNS: Final = (
    "id, recorded_at, origin, actor, action, targets, outcome, details, salt, details_commitment, entry_hash"
)


@dataclass(frozen=True)
class Entry:
    """An entry as it was appended."""

    id: str
    """`aud_…`"""
    recorded_at: datetime
    origin: str
    actor: str
    action: str
    targets: tuple[str, ...]
    outcome: str
    details: dict[str, object] | None
    """None once they were erased."""
    salt: bytes | None
    details_commitment: bytes
    entry_hash: bytes
    database: str
    """`user_psql` or `shared_psql`."""


@dataclass(frozen=True)
class Filter:
    """Which entries; None stands for any."""

    actor: str | None = None
    """What an account did includes what was done by its API keys, which are named behind it."""
    target: str | None = None
    action: str | None = None
    origin: Origin | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Before this time."""


# Values of null are known when the statement is planned: what they let pass isn't looked at for each row.
_MATCH: Final = """
    (cast(:action as text) is null or action = :action)
    and (cast(:origin as text) is null or origin = :origin)
    and (cast(:outcome as text) is null or outcome = :outcome)
    and (cast(:actor as text) is null or actor = :actor or starts_with(actor, :actor || '/'))
"""

_ALL: Final = text(
    f"select {COLUMNS} from audit_entries where {_MATCH}"  # noqa: S608 - constants
    " and (cast(:since as text) is null or id >= :since) and (cast(:before as text) is null or id < :before)"
    " order by id desc limit :limit"
)

# Each entry is looked up by itself, in the order of the index: the planner would rather read all of a table that it
# takes for small. (An offset is what it doesn't look behind.)
_OF_PARTY: Final = text(
    f"select {COLUMNS} from audit_parties"  # noqa: S608 - constants
    " join lateral (select * from audit_entries where id = entry_id offset 0) as entry on true"
    f" where party = :party and acted = :acted and {_MATCH} and (cast(:since as text) is null or entry_id >= :since)"
    " and (cast(:before as text) is null or entry_id < :before) order by entry_id desc limit :limit"
)


def entries(db: Connection, database: str, wanted: Filter, *, before: str | None, limit: int) -> list[Entry]:
    """Return up to `limit` entries, newest first; `before` is the id that the page before ended with."""
    statement, values = asked(wanted, before=before, limit=limit)
    return [of_row(row, database) for row in db.execute(statement, values).mappings()]


def asked(wanted: Filter, *, before: str | None, limit: int) -> tuple[TextClause, dict[str, object]]:
    """Return the statement that finds entries, and its values."""
    ends = [each for each in (before, _first_id(wanted.until)) if each is not None]
    values: dict[str, object] = {
        "action": wanted.action,
        "origin": wanted.origin,
        "outcome": wanted.outcome,
        "actor": wanted.actor,
        "since": _first_id(wanted.since),
        "before": min(ends, default=None),
        "limit": limit,
    }
    statement = _ALL
    if wanted.target is not None or wanted.actor is not None:
        statement = _OF_PARTY
        values["party"] = wanted.target or str(wanted.actor).partition("/")[0]
        values["acted"] = wanted.target is None
    return statement, values


def of_row(row: RowMapping, database: str) -> Entry:
    """Return the entry in a row that has COLUMNS."""
    columns = {name: row[name] for name in COLUMNS.split(", ")}
    return Entry(**{**columns, "targets": tuple(row["targets"])}, database=database)


def _first_id(at: datetime | None) -> str | None:
    """Return what sorts before the ids of all entries that were appended from then on, and after all others."""
    return None if at is None else f"aud_{int(at.timestamp() * 1000):012x}"
