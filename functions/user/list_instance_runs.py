"""GET /v1/instances/{instance_id}/runs: what an instance was asked, newest first."""

from functions.domain.databases import SharedDb
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import reading
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Page
from functions.schemas.instance_ids import InstanceId
from functions.schemas.runs import AskedRun, RunQuery


@endpoint("GET", "/v1/instances/{instance_id}/runs", errors=(InstanceNotFound,))
def list_instance_runs(caller: User, instance_id: InstanceId, query: RunQuery, db: SharedDb) -> Page[AskedRun]:
    """Read one page of them. Of an instance that is deleted nothing is shown."""
    reading.check_instance(db, instance_id, owner_id=caller.id)
    rows = reading.of_instance(db, instance_id, status=query.status, before=query.after(), limit=query.limit + 1)
    return query.page([AskedRun.of(row) for row in rows], AskedRun)
