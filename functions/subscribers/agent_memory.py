"""GET, PUT, DELETE /v1/memory/{key}: what an agent remembers for its instance; agent hosts pass on what it asks."""

import json
from typing import ClassVar, Final

from functions.domain.databases import SharedDb
from functions.domain.instances import memory, quotas
from functions.domain.instances.memory import VALUE_BYTES, MemoryEntryNotFound, MemoryValueInvalid
from functions.domain.instances.memory_tokens import Bearer
from functions.domain.instances.quotas import QuotaExceeded
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.declarations import Answer, Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.agent_memory import FORGET, WRITE, MemoryRequest
from functions.schemas.base import Cached, Reply
from functions.schemas.memory import MemoryKey

NO_CONTENT: Final = 204


class Done(Answer):
    """It is written, or forgotten."""

    statuses: ClassVar[tuple[int, ...]] = (NO_CONTENT,)


@endpoint(
    "PUT",
    "/v1/memory/{key}",
    errors=(InstanceNotFound, MemoryEntryNotFound, MemoryValueInvalid, QuotaExceeded),
    resources=Resources(settings=(quotas.MEMORY_SETTING,)),
    max_body=VALUE_BYTES,
    audited=False,
)
def agent_memory(bearer: Bearer, key: MemoryKey, asked: MemoryRequest, db: SharedDb) -> Cached[Reply] | Done:
    """Take and answer the value itself as the body. What isn't there can be forgotten too."""
    if asked.method == WRITE:
        memory.put(db, bearer.instance_id, key, asked.value)
    elif asked.method == FORGET:
        memory.forget(db, bearer.instance_id, key)
    else:
        return Cached(json.dumps(memory.find(db, bearer.instance_id, key).value, ensure_ascii=False))
    return Done(None, NO_CONTENT)
