"""POST /v1/runs/{run_id}/cancel: have a run end, whatever its agent is at."""

from functions.domain.databases import SharedDb
from functions.domain.runs import commands, reading
from functions.domain.runs.commands import RunEnded
from functions.domain.runs.reading import Of, RunNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.runs import Run, RunId


@endpoint("POST", "/v1/runs/{run_id}/cancel", status=202, errors=(RunNotFound, RunEnded), audited=False)
def cancel_run(caller: User, run_id: RunId, db: SharedDb) -> Run:
    """End a run that waits at once. An agent that is at work is told to stop, and the run's end follows."""
    run = commands.cancel(db, run_id, Of(caller.id))
    return Run.of(run, reading.text_so_far(db, run), reading.place(db, run))
