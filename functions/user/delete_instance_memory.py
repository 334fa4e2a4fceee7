"""DELETE /v1/instances/{instance_id}/memory/{key}: have an instance's agent forget what it remembers under a key."""

from functions.domain.databases import SharedDb
from functions.domain.instances import memory, reading
from functions.domain.instances.memory import MemoryChangedMeanwhile
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.if_match import StateConditions
from functions.schemas.instance_ids import InstanceId
from functions.schemas.memory import MemoryKey


@endpoint(
    "DELETE",
    "/v1/instances/{instance_id}/memory/{key}",
    status=204,
    errors=(InstanceNotFound, MemoryChangedMeanwhile),
)
def delete_instance_memory(
    caller: User, instance_id: InstanceId, key: MemoryKey, conditions: StateConditions, db: SharedDb
) -> None:
    """Answer alike whether it remembered something or not."""
    reading.find(db, instance_id, owner_id=caller.id)
    memory.forget(db, instance_id, key, conditions.hold)
