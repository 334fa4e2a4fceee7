"""GET /v1/admin/runs/{run_id}: anybody's run: how far it is, who works on it, and until when."""

from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from functions.domain.runs.reading import Of, RunNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.runs import AnyRun, RunId


@endpoint("GET", "/v1/admin/runs/{run_id}", errors=(RunNotFound,))
def read_any_run(_caller: Support, run_id: RunId, db: SharedDb) -> AnyRun:
    """Show nothing of what was said in it."""
    run = reading.find(db, run_id, Of())
    return AnyRun.seen(run, reading.place(db, run))
