"""GET /v1/instances/{instance_id}/version: the version of one of the caller's instances, with its config schema."""

from functions.domain.catalog import versions
from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.instance_ids import InstanceId
from functions.schemas.versions import VersionDetails


@endpoint("GET", "/v1/instances/{instance_id}/version", errors=(InstanceNotFound,))
def read_instance_version(caller: User, instance_id: InstanceId, db: SharedDb) -> VersionDetails:
    """Show it whether or not its agent is still listed in the catalog."""
    instance = reading.find(db, instance_id, owner_id=caller.id)
    return VersionDetails.model_validate(versions.by_id(db, instance.version_id))
