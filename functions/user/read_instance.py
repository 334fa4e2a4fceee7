"""GET /v1/instances/{instance_id}: one of the caller's instances, with its status and the reason for it."""

from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.instances import Instance, InstanceId


@endpoint("GET", "/v1/instances/{instance_id}", errors=(InstanceNotFound,))
def read_instance(caller: User, instance_id: InstanceId, db: SharedDb) -> Instance:
    """Secrets in its config are masked."""
    return Instance.of(reading.find(db, instance_id, owner_id=caller.id))
