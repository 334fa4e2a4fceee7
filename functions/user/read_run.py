"""GET /v1/runs/{run_id}: what became of a message: the run's status with its reason, and the reply so far."""

from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from functions.domain.runs.reading import Of, RunNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.runs import Run, RunId


@endpoint("GET", "/v1/runs/{run_id}", errors=(RunNotFound,))
def read_run(caller: User, run_id: RunId, db: SharedDb) -> Run:
    """Answer at once, whatever its status is. `GET /v1/runs/{run_id}/stream` tells what happens in it as it does."""
    run = reading.find(db, run_id, Of(caller.id))
    return Run.of(run, reading.text_so_far(db, run), reading.place(db, run))
