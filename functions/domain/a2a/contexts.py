"""Contexts: conversations by the ids that clients of A2A know them by, which are their own or ours."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import select

from functions.domain.databases import SharedDb
from shared_psql_models.runs import Run, conversations

_PREFIX: Final = "a2a:"


def of_run(db: SharedDb, run: Run) -> str:
    """Return the id of a run's context."""
    return of_runs(db, [run])[run.conversation_id]


def of_runs(db: SharedDb, runs: Iterable[Run]) -> dict[str, str]:
    """Return the ids of the contexts of runs by their conversations."""
    ids = sorted({run.conversation_id for run in runs})
    found = db.execute(select(conversations.c.id, conversations.c.client_key).where(conversations.c.id.in_(ids)))
    return {row.id: _named(row.id, row.client_key) for row in found}


def place(db: SharedDb, instance_id: str, context_id: str) -> dict[str, str | None]:
    """Return where a message of a context belongs: to a conversation that there is, or to one by the client's id."""
    same = (conversations.c.id == context_id, conversations.c.instance_id == instance_id)
    known = db.scalar(select(conversations.c.id).where(*same))
    if known is not None:
        return {"conversation_id": str(known), "conversation_key": None}
    return {"conversation_id": None, "conversation_key": _PREFIX + context_id}


def conversation(db: SharedDb, instance_id: str, context_id: str) -> str | None:
    """Return the id of a context's conversation; None if there is none."""
    names = (conversations.c.id == context_id) | (conversations.c.client_key == _PREFIX + context_id)
    found = db.scalar(select(conversations.c.id).where(conversations.c.instance_id == instance_id, names))
    return None if found is None else str(found)


def _named(conversation_id: str, client_key: str | None) -> str:
    if client_key is not None and client_key.startswith(_PREFIX):
        return client_key.removeprefix(_PREFIX)
    return conversation_id
