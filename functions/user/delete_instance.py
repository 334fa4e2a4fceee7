"""DELETE /v1/instances/{instance_id}: ask for an instance to be deleted, whatever it is doing."""

from functions.domain.databases import SharedDb
from functions.domain.instances import commands, reading
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instances import Instance


@endpoint("DELETE", "/v1/instances/{instance_id}", status=202, errors=(InstanceNotFound,))
def delete_instance(caller: User, instance_id: InstanceId, db: SharedDb) -> Instance:
    """There is no way back. Its history can still be read afterwards; its config is gone."""
    commands.delete(db, instance_id, caller.id)
    return Instance.of(reading.find(db, instance_id))
