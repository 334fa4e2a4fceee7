"""DELETE /v1/instances/{instance_id}/v1/responses/{response_id}: forget a response, and what was said in it."""

from typing import ClassVar

from pydantic import JsonValue

from functions.domain.api_errors import Malformed
from functions.domain.databases import SharedDb
from functions.domain.runs import forgetting
from functions.domain.runs.reading import Of
from functions.runtime import open_responses
from functions.runtime.declarations import Answer
from functions.runtime.endpoint import endpoint
from functions.runtime.open_responses import PROTOCOL, ResponseNotFound
from functions.runtime.providers.callers import User
from functions.schemas.instance_ids import InstanceId


class ResponseUnderWay(Malformed):
    """The response is under way, or its agent waits for an answer: cancel its run first."""


class DeletedResponse(Answer):
    """That a response is deleted."""

    schema: ClassVar[dict[str, JsonValue]] = {
        "type": "object",
        "required": ["id", "object", "deleted"],
        "properties": {"id": {"type": "string"}, "object": {"const": "response"}, "deleted": {"const": True}},
    }


@endpoint(
    "DELETE",
    "/v1/instances/{instance_id}/v1/responses/{response_id}",
    errors=(ResponseNotFound, ResponseUnderWay),
    protocol=PROTOCOL,
)
def delete_response(caller: User, instance_id: InstanceId, response_id: str, db: SharedDb) -> DeletedResponse:
    """Delete the whole run that it is a part of: no later message is told of it any more."""
    named, run = open_responses.find(db, response_id, Of(caller.id, instance_id))
    if not forgetting.forget_one(db, run.id):
        raise ResponseUnderWay
    return DeletedResponse({"id": named.id, "object": "response", "deleted": True})
