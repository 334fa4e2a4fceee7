"""GET /v1/runs: what the caller's instances were asked, newest first; those that wait for an answer, for one."""

from typing import Annotated

from pydantic import Field

from core.ids import pattern
from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Page
from functions.schemas.runs import AskedRun, RunQuery


class OwnRunQuery(RunQuery):
    """Which runs, and which page of them. All that is given has to hold."""

    instance_id: Annotated[str | None, Field(pattern=pattern("ins"), description="Only this instance's.")] = None


@endpoint("GET", "/v1/runs")
def list_runs(caller: User, query: OwnRunQuery, db: SharedDb) -> Page[AskedRun]:
    """Read one page of them. Of an instance that is deleted nothing is shown."""
    rows = reading.of_owner(
        db, caller.id, instance_id=query.instance_id, status=query.status, before=query.after(), limit=query.limit + 1
    )
    return query.page([AskedRun.of(row) for row in rows], AskedRun)
