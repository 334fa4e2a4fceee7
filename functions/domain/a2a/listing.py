"""Listing tasks: an instance's, the one whose status changed last first."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy import ColumnElement, func, select, tuple_

from functions.domain.a2a import contexts
from functions.domain.a2a.errors import InvalidParams
from functions.domain.a2a.requests import PAGE, ListTasks
from functions.domain.a2a.tasks import STATES
from functions.domain.databases import SharedDb
from functions.domain.runs.reading import Of
from shared_psql_models.runs import Run, runs

_TOKEN: Final = ("list", "status_at", "id")
"""The parts of a page's token: which list it belongs to, and where the page before has ended."""

_OTHER_STATES: Final = frozenset({"TASK_STATE_REJECTED", "TASK_STATE_AUTH_REQUIRED"})
"""States that no row has."""


@dataclass(frozen=True)
class Page:
    """A page of tasks."""

    runs: Sequence[Run]
    next_token: str
    """Empty on the last page."""
    size: int
    """How many there may be on a page."""
    total: int
    """How many tasks there are on all pages."""


def page(db: SharedDb, of: Of, asked: ListTasks) -> Page:
    """Return a page of tasks. Raises InvalidParams."""
    size = asked.page_size or PAGE
    told = asked.model_dump(mode="json", include={"context_id", "status", "status_timestamp_after"})
    name = hashlib.sha256(json.dumps([of.instance_id, told]).encode()).hexdigest()[:12]
    chosen = _chosen(db, of, asked)
    query = select(runs).where(*chosen).order_by(runs.c.status_at.desc(), runs.c.id.desc()).limit(size + 1)
    if asked.page_token:
        at, run_id = _read(name, asked.page_token)
        query = query.where(tuple_(runs.c.status_at, runs.c.id) < (at, run_id))
    found = [Run.of(row) for row in db.execute(query).mappings()]
    shown = found[:size]
    token = _token(name, shown[-1]) if len(found) > size else ""
    total = int(db.scalar(select(func.count()).select_from(runs).where(*chosen)) or 0)
    return Page(shown, token, size, total)


def _chosen(db: SharedDb, of: Of, asked: ListTasks) -> list[ColumnElement[bool]]:
    chosen = [runs.c.instance_id == of.instance_id, runs.c.owner_id == of.owner_id]
    if asked.context_id is not None:
        known = contexts.conversation(db, str(of.instance_id), asked.context_id)
        chosen.append(runs.c.conversation_id == (known or ""))
    if asked.status not in {None, "TASK_STATE_UNSPECIFIED"}:
        statuses = [status for status, state in STATES.items() if state == asked.status]
        if not statuses and asked.status not in _OTHER_STATES:
            raise InvalidParams(f"status: {asked.status} is no state of A2A 1.0.")
        chosen.append(runs.c.status.in_(statuses))
    if asked.status_timestamp_after is not None:
        chosen.append(runs.c.status_at >= _time(asked.status_timestamp_after))
    return chosen


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidParams("statusTimestampAfter: a time with its zone is wanted, such as 2026-01-31T12:00:00Z.")
    return found


def _token(name: str, run: Run) -> str:
    told = json.dumps([name, run.status_at.isoformat(), run.id])
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _read(name: str, token: str) -> tuple[datetime, str]:
    try:
        told: JsonValue = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if isinstance(told, list) and len(told) == len(_TOKEN) and told[0] == name:
            return datetime.fromisoformat(str(told[1])), str(told[2])
    except (ValueError, binascii.Error, RecursionError):
        pass
    raise InvalidParams("pageToken: this is no nextPageToken of this list.")
