"""GET /v1/instances: the caller's instances, newest first."""

from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Page
from functions.schemas.instances import InstanceQuery, InstanceSummary


@endpoint("GET", "/v1/instances")
def list_instances(caller: User, query: InstanceQuery, db: SharedDb) -> Page[InstanceSummary]:
    """Read one page of them."""
    rows = reading.search(db, query.filter(caller.id), after=query.after(), limit=query.limit + 1)
    return query.page(rows, InstanceSummary)
