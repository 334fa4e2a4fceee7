"""POST /v1/admin/runs/{run_id}/cancel: have anybody's run end, whatever its agent is at."""

from functions.domain.databases import SharedDb
from functions.domain.runs import administration, reading
from functions.domain.runs.commands import RunEnded
from functions.domain.runs.reading import RunNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.reasons import GivenReason
from functions.schemas.runs import AnyRun, RunId


@endpoint("POST", "/v1/admin/runs/{run_id}/cancel", status=202, errors=(RunNotFound, RunEnded))
def cancel_any_run(_caller: Support, run_id: RunId, because: GivenReason, db: SharedDb) -> AnyRun:
    """End a run that waits at once. An agent that is at work is told to stop, and the run's end follows."""
    run = administration.cancel(db, run_id, because.reason)
    return AnyRun.seen(run, reading.place(db, run))
