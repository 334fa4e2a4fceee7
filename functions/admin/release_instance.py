"""POST /v1/admin/instances/{instance_id}/release: let an instance be started again that was set apart."""

from functions.domain.databases import SharedDb
from functions.domain.instances import administration, reading
from functions.domain.instances.commands import InstanceDeleted
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Support
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instances import AnyInstance
from functions.schemas.reasons import GivenReason


@endpoint(
    "POST",
    "/v1/admin/instances/{instance_id}/release",
    status=202,
    errors=(InstanceNotFound, InstanceDeleted),
)
def release_instance(
    _caller: Support, instance_id: InstanceId, because: GivenReason, audit: Audit, db: SharedDb
) -> AnyInstance:
    """Leave it stopped until somebody starts it. Asking again changes nothing."""
    audit.was(AnyInstance.of(reading.find(db, instance_id)))
    administration.release(db, instance_id, because.reason)
    return AnyInstance.of(reading.find(db, instance_id))
