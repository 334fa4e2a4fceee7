"""GET /v1/admin/instances: everybody's instances, newest first; by what is the matter with them, for one."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from core.ids import pattern
from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.domain.instances.troubles import InstanceTrouble
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.base import Page
from functions.schemas.instances import AnyInstanceSummary, InstanceQuery


class AnyInstanceQuery(InstanceQuery):
    """Which instances, and which page of them. All that is given has to hold."""

    owner_id: Annotated[str | None, Field(pattern=pattern("usr"), description="Only this account's.")] = None
    version_id: Annotated[str | None, Field(pattern=pattern("ver"), description="Only those of this version.")] = None
    trouble: Annotated[
        InstanceTrouble | None,
        Field(
            description="Only those with which this is the matter. `stuck`: its deadline has passed. `overdue`: a "
            "worker should have looked at it a minute ago. `orphaned`: it runs, and the platform has nothing of its "
            "version. `failing`: its agent didn't start. `awaiting_input`: one of its runs waits for an answer. "
            "`over_budget`: a budget has no room for another run. `stopped_by_operator`: a kill switch or a suspension "
            "concerns it. `quarantined`: it is set apart.",
        ),
    ] = None


@endpoint("GET", "/v1/admin/instances")
def list_all_instances(_caller: Support, query: AnyInstanceQuery, db: SharedDb) -> Page[AnyInstanceSummary]:
    """Read one page of them."""
    wanted = replace(query.filter(query.owner_id), version_id=query.version_id, trouble=query.trouble)
    rows = reading.search(db, wanted, after=query.after(), limit=query.limit + 1)
    return query.page(rows, AnyInstanceSummary)
