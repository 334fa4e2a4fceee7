"""GET /v1/instances/{instance_id}/memory/{key}: what an instance's agent remembers under a key."""

from functions.domain.databases import SharedDb
from functions.domain.instances import memory, reading
from functions.domain.instances.memory import MemoryEntryNotFound
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.instance_ids import InstanceId
from functions.schemas.memory import Memory, MemoryKey


@endpoint("GET", "/v1/instances/{instance_id}/memory/{key}", errors=(InstanceNotFound, MemoryEntryNotFound))
def read_instance_memory(caller: User, instance_id: InstanceId, key: MemoryKey, db: SharedDb) -> Memory:
    """Show it as it is now, whoever has written it."""
    reading.find(db, instance_id, owner_id=caller.id)
    return Memory.model_validate(memory.find(db, instance_id, key))
