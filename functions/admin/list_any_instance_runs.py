"""GET /v1/admin/instances/{instance_id}/runs: what became of what anybody's instance was asked, newest first."""

from functions.domain.databases import SharedDb
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import reading
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.base import Page
from functions.schemas.instance_ids import InstanceId
from functions.schemas.runs import RunQuery, RunSummary


@endpoint("GET", "/v1/admin/instances/{instance_id}/runs", errors=(InstanceNotFound,))
def list_any_instance_runs(
    _caller: Support, instance_id: InstanceId, query: RunQuery, db: SharedDb
) -> Page[RunSummary]:
    """Read one page of them. What was said isn't shown to administrators."""
    reading.check_instance(db, instance_id)
    rows = reading.of_instance(db, instance_id, status=query.status, before=query.after(), limit=query.limit + 1)
    return query.page(rows, RunSummary)
