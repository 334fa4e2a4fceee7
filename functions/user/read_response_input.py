"""GET /v1/instances/{instance_id}/v1/responses/{response_id}/input_items: what a response answers."""

from typing import ClassVar

from pydantic import JsonValue

from functions.domain.databases import SharedDb
from functions.domain.open_responses import inputs
from functions.domain.runs.reading import Of
from functions.runtime import open_responses
from functions.runtime.declarations import Answer
from functions.runtime.endpoint import endpoint
from functions.runtime.open_responses import PROTOCOL, ResponseNotFound
from functions.runtime.providers.callers import User
from functions.schemas.instance_ids import InstanceId
from functions.schemas.open_responses import InputQuery


class InputItems(Answer):
    """A page of items."""

    schema: ClassVar[dict[str, JsonValue]] = {
        "type": "object",
        "required": ["object", "data", "first_id", "last_id", "has_more"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": {"type": "object"}},
            "first_id": {"type": ["string", "null"]},
            "last_id": {"type": ["string", "null"]},
            "has_more": {"type": "boolean"},
        },
    }


@endpoint(
    "GET",
    "/v1/instances/{instance_id}/v1/responses/{response_id}/input_items",
    errors=(ResponseNotFound,),
    protocol=PROTOCOL,
)
def read_response_input(
    caller: User, instance_id: InstanceId, response_id: str, query: InputQuery, db: SharedDb
) -> InputItems:
    """Return the items of its request."""
    named, run = open_responses.find(db, response_id, Of(caller.id, instance_id))
    items = inputs.items(db, named, run)
    if not items:
        raise ResponseNotFound
    ordered = items if query.order == "asc" else items[::-1]
    known = [index for index, each in enumerate(ordered, start=1) if each["id"] == query.after]
    rest = ordered[known[0] if known else 0 :]
    shown = rest[: query.limit]
    ids: list[JsonValue] = [each["id"] for each in shown] or [None]
    page: dict[str, JsonValue] = {"object": "list", "data": [*shown], "first_id": ids[0], "last_id": ids[-1]}
    return InputItems({**page, "has_more": len(rest) > query.limit})
