"""The ends of runs, and what is settled with them."""

from collections.abc import Mapping

from functions.domain.databases import SharedDb
from functions.domain.runs import recording
from functions.domain.runs.reasons import Explanation
from functions.domain.runs.recording import Change
from shared_psql_models.runs import Run, RunStatus


def end(
    db: SharedDb,
    run: Run,
    status: RunStatus,
    because: Explanation,
    *,
    columns: Mapping[str, object] | None = None,
) -> bool:
    """End a run, which is locked or leased; return whether it was this run's end, and not somebody else's to write."""
    freed: Mapping[str, object] = {} if run.lease_owner is None else recording.FREE
    change = Change(status, because, columns={**freed, **(columns or {})}, keeps_reply=True)
    return recording.record(db, run, change) is not None
