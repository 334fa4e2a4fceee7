"""GET /v1/instances/{instance_id}/v1/models: the one model that Open Responses' clients have a choice of."""

from typing import ClassVar

from pydantic import JsonValue

from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.declarations import Answer
from functions.runtime.endpoint import endpoint
from functions.runtime.open_responses import PROTOCOL
from functions.runtime.providers.callers import User
from functions.schemas.instance_ids import InstanceId


class Models(Answer):
    """A list of one."""

    schema: ClassVar[dict[str, JsonValue]] = {
        "type": "object",
        "required": ["object", "data"],
        "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": {"type": "object"}}},
    }


@endpoint("GET", "/v1/instances/{instance_id}/v1/models", errors=(InstanceNotFound,), protocol=PROTOCOL)
def read_models(caller: User, instance_id: InstanceId, db: SharedDb) -> Models:
    """Return the instance's agent. A request may name any other model: the agent answers all the same."""
    found = reading.find(db, instance_id, owner_id=caller.id)
    created = int(found.created_at.timestamp())
    model: dict[str, JsonValue] = {"id": found.agent, "object": "model", "created": created, "owned_by": "botberi"}
    return Models({"object": "list", "data": [model]})
