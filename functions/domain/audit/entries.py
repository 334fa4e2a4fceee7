"""Entries of the audit trail: who did what to what, appended in the transaction that does it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import Connection, text

Origin = Literal["request", "command", "event"]
"""How it came to be known: from the request or the command that did it, or by an event that tells of it."""

Outcome = Literal["succeeded", "refused", "failed"]

# The function's answer is never null, which makes no row of it.
_APPEND: Final = text(
    "select from json_to_recordset(cast(:entries as json))"
    " as entry (origin text, actor text, action text, targets text[], outcome text, details text)"
    " where append_audit_entry(origin, actor, action, targets, outcome, details) is null"
).execution_options(unanswered=True)


@dataclass(frozen=True)
class NewEntry:
    """What is to be appended; its id and time are given by the database."""

    origin: Origin
    actor: str
    """An account's id, with `/` and an API key's behind it if it was shown, another part's name, or `anonymous`."""
    action: str
    """The function's name, the command's, or the event's type."""
    targets: tuple[str, ...] = ()
    """The ids of what it was done to."""
    outcome: Outcome = "succeeded"
    details: Mapping[str, object] = field(default_factory=dict)
    """What else there is to tell, nothing secret among it. Unlike all the rest it can be erased."""


def append(db: Connection, entry: NewEntry) -> None:
    """Append an entry in the transaction of `db`: both are kept, or neither.

    It waits for no answer of its own: what Postgres refuses of it is raised by the next statement, or by the commit.
    """
    append_all(db, [entry])


def append_all(db: Connection, entries: Iterable[NewEntry]) -> None:
    """Append entries in their order, as `append` does."""
    values = [
        {
            "origin": each.origin,
            "actor": each.actor,
            "action": each.action,
            "targets": each.targets,
            "outcome": each.outcome,
            "details": canonical(each.details),
        }
        for each in entries
    ]
    if values:
        db.execute(_APPEND, {"entries": json.dumps(values, ensure_ascii=False)})


def canonical(details: Mapping[str, object]) -> str:
    """Return details as the JSON text whose bytes are hashed: members sorted, and no white space."""
    return json.dumps(details, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
