"""GET /v1/instances/{instance_id}/memory: under which keys an instance's agent remembers something."""

from functions.domain.databases import SharedDb
from functions.domain.instances import memory, reading
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Page, PageQuery
from functions.schemas.instance_ids import InstanceId
from functions.schemas.memory import MemoryItem


@endpoint("GET", "/v1/instances/{instance_id}/memory", errors=(InstanceNotFound,))
def list_instance_memory(caller: User, instance_id: InstanceId, query: PageQuery, db: SharedDb) -> Page[MemoryItem]:
    """List them by key, without their values."""
    reading.find(db, instance_id, owner_id=caller.id)
    return query.page(
        memory.entries(db, instance_id, after=query.after(), limit=query.limit + 1), MemoryItem, key="key"
    )
