"""POST /v1/admin/instances/{instance_id}/force-delete: delete an instance, whatever its host says."""

from functions.domain.databases import SharedDb
from functions.domain.instances import administration, reading
from functions.domain.instances.commands import InstanceDeleted
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instances import AnyInstance
from functions.schemas.reasons import GivenReason


@endpoint(
    "POST",
    "/v1/admin/instances/{instance_id}/force-delete",
    status=202,
    errors=(InstanceNotFound, InstanceDeleted),
)
def force_delete_instance(_caller: Support, instance_id: InstanceId, because: GivenReason, db: SharedDb) -> AnyInstance:
    """Wait for no host that can't be reached: what is awake of it there is asked nothing and ends by itself."""
    administration.force_delete(db, instance_id, because.reason)
    return AnyInstance.of(reading.find(db, instance_id))
