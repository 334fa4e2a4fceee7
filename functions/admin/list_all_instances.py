"""GET /v1/admin/instances: everybody's instances, newest first."""

from typing import Annotated

from pydantic import Field

from core.ids import pattern
from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Admin
from functions.schemas.base import Page
from functions.schemas.instances import AnyInstanceSummary, InstanceQuery


class AnyInstanceQuery(InstanceQuery):
    """Which instances, and which page of them."""

    owner_id: Annotated[str | None, Field(pattern=pattern("usr"), description="Only this account's.")] = None


@endpoint("GET", "/v1/admin/instances")
def list_all_instances(_caller: Admin, query: AnyInstanceQuery, db: SharedDb) -> Page[AnyInstanceSummary]:
    """Read one page of them."""
    rows = reading.search(db, query.filter(query.owner_id), after=query.after(), limit=query.limit + 1)
    return query.page(rows, AnyInstanceSummary)
