"""GET /v1/instances/{instance_id}/events: what happened to an instance and why, newest first."""

from functions.domain.databases import SharedDb
from functions.domain.instances import history, reading
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Page, PageQuery
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instances import InstanceEvent


@endpoint("GET", "/v1/instances/{instance_id}/events", errors=(InstanceNotFound,))
def list_instance_events(caller: User, instance_id: InstanceId, query: PageQuery, db: SharedDb) -> Page[InstanceEvent]:
    """Each says what was asked or what became of it, with its reason, who caused it, and what happens next."""
    reading.find(db, instance_id, owner_id=caller.id)
    rows = history.of_instance(db, instance_id, after=query.after(), limit=query.limit + 1)
    return query.page(rows, InstanceEvent)
