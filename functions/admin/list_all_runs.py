"""GET /v1/admin/runs: everybody's runs, newest first; by what is the matter with them, for one."""

from typing import Annotated

from pydantic import Field

from core.ids import pattern
from functions.domain.databases import SharedDb
from functions.domain.runs import administration
from functions.domain.runs.administration import Filter, RunTrouble
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.base import Page
from functions.schemas.runs import AnyRunSummary, RunQuery


class AnyRunQuery(RunQuery):
    """Which runs, and which page of them. All that is given has to hold."""

    owner_id: Annotated[str | None, Field(pattern=pattern("usr"), description="Only this account's.")] = None
    instance_id: Annotated[str | None, Field(pattern=pattern("ins"), description="Only this instance's.")] = None
    version_id: Annotated[
        str | None, Field(pattern=pattern("ver"), description="Only those that this version answers.")
    ] = None
    trouble: Annotated[
        RunTrouble | None,
        Field(
            description="Only those with which this is the matter. `stuck`: its runner is gone, and no other has taken "
            "it over yet. `overdue`: its deadline has passed. `awaiting_input`: its agent waits for an answer."
        ),
    ] = None


@endpoint("GET", "/v1/admin/runs")
def list_all_runs(_caller: Support, query: AnyRunQuery, db: SharedDb) -> Page[AnyRunSummary]:
    """Read one page of them. What was said isn't shown to administrators."""
    wanted = Filter(query.owner_id, query.instance_id, query.version_id, query.status, query.trouble)
    rows = administration.search(db, wanted, before=query.after(), limit=query.limit + 1)
    return query.page(rows, AnyRunSummary)
