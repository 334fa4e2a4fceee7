"""GET /v1/admin/instances/{instance_id}: anybody's instance, with its status and the reason for it."""

from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instances import AnyInstance


@endpoint("GET", "/v1/admin/instances/{instance_id}", errors=(InstanceNotFound,))
def read_any_instance(_caller: Support, instance_id: InstanceId, db: SharedDb) -> AnyInstance:
    """Secrets in its config are masked, for administrators too."""
    return AnyInstance.of(reading.find(db, instance_id))
