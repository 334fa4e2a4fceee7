"""The ends of runs, and what is settled with them."""

from collections.abc import Mapping

from functions.domain.databases import SharedDb
from functions.domain.runs import budgets, recording, usage
from functions.domain.runs.reasons import Explanation
from functions.domain.runs.recording import Change, Piece
from shared_psql_models.runs import Run, RunStatus


def end(
    db: SharedDb,
    run: Run,
    status: RunStatus,
    because: Explanation,
    *,
    columns: Mapping[str, object] | None = None,
) -> list[Piece] | None:
    """End a run, which is locked or leased; return the events that tell it; None if it was somebody else's to write."""
    change = Change(status, because, columns=columns or {}, frees=run.lease_owner is not None, keeps_reply=True)
    told = recording.record(db, run, change)
    if told is not None:
        budgets.settle(db, run)
        usage.add(db, run.id)
    return told
