"""GET /v1/runs/{run_id}/events: what has happened in a run, in its order."""

from functions.domain.api_errors import BAD_CURSOR, Invalid
from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from functions.domain.runs.reading import Of, RunNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.streaming import NUMBER
from functions.schemas.base import Page
from functions.schemas.runs import KeyedRunEvent, RunEvent, RunEventQuery, RunId


@endpoint("GET", "/v1/runs/{run_id}/events", errors=(RunNotFound,))
def list_run_events(caller: User, run_id: RunId, query: RunEventQuery, db: SharedDb) -> Page[RunEvent]:
    """Read one page of them. Those of a run that goes on have more behind the last: ask again with its `sequence`."""
    cursor = query.after()
    if cursor is not None and not NUMBER.fullmatch(cursor):
        raise Invalid(errors=[BAD_CURSOR])
    run = reading.find(db, run_id, Of(caller.id))
    after = query.sequence if cursor is None else int(cursor)
    rows = reading.events(db, run.id, after=after, limit=query.limit + 1)
    return query.page([KeyedRunEvent.model_validate(vars(row)) for row in rows], RunEvent, key="key")
