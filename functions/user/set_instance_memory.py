"""PUT /v1/instances/{instance_id}/memory/{key}: have an instance's agent remember something else under a key."""

from typing import Annotated, Final

from pydantic import Field, JsonValue

from functions.domain.databases import SharedDb
from functions.domain.instances import memory, quotas, reading
from functions.domain.instances.memory import VALUE_BYTES, MemoryChangedMeanwhile, MemoryValueInvalid
from functions.domain.instances.quotas import QuotaExceeded
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.if_match import StateConditions
from functions.schemas.base import Body
from functions.schemas.instance_ids import InstanceId
from functions.schemas.memory import Memory, MemoryKey

MAX_BODY: Final = 3 * VALUE_BYTES + 1024
"""Bytes: a character that is escaped takes up to three times what it counts in a value."""


class NewMemory(Body):
    """What is to be remembered."""

    value: Annotated[JsonValue, Field(description="Up to 64 KiB as JSON, 64 levels deep.", examples=["blue"])]


@endpoint(
    "PUT",
    "/v1/instances/{instance_id}/memory/{key}",
    errors=(InstanceNotFound, MemoryValueInvalid, MemoryChangedMeanwhile, QuotaExceeded),
    resources=Resources(settings=(quotas.MEMORY_SETTING,)),
    max_body=MAX_BODY,
)
def set_instance_memory(
    caller: User, instance_id: InstanceId, key: MemoryKey, new: NewMemory, conditions: StateConditions, db: SharedDb
) -> Memory:
    """Take the place of what its agent has written, if it has."""
    reading.find(db, instance_id, owner_id=caller.id)
    return Memory.model_validate(memory.put(db, instance_id, key, new.value, conditions.hold))
