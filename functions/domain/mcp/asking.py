"""What an agent asks for, as requests to a client of MCP, and the answers as what the agent is told.

An agent that asks for something by a schema has the person asked. One that knows MCP names the tool
`mcp.input_requests`, whose arguments are the requests themselves, by keys of its own: then it is told the client's
responses as they are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from functions.domain import json_schemas
from functions.domain.mcp.calls import Call
from functions.domain.runs.agent_events import EventInvalid, decoded
from shared_psql_models.runs import Run

Object = dict[str, JsonValue]

REQUESTS: Final = "mcp.input_requests"
"""The name of the tool by which an agent sends requests of its own to the client."""

GIVEN: Final = "given"
"""Where a run's request keeps the answers to some of what it asks, as long as others are missing."""

CAPABILITIES: Final = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
"""What a client has to be able to do to be asked by a method."""

_VALUE: Final = "value"
_SIMPLE: Final = frozenset({"string", "number", "integer", "boolean"})


class Declined(Exception):
    """The person won't answer."""


@dataclass(frozen=True)
class Asked:
    """What a run waits for."""

    id: str
    """Of what the agent asks."""
    requests: dict[str, Object]
    """By key; each has `method` and `params`."""
    given: Object
    """What was answered before, by key."""
    own: bool
    """Whether the agent has written the requests itself."""

    @property
    def open(self) -> dict[str, Object]:
        """The requests that aren't answered."""
        return {key: each for key, each in self.requests.items() if key not in self.given}

    def open_to(self, call: Call) -> dict[str, Object]:
        """Return the open requests that a client can be asked."""
        return {key: each for key, each in self.open.items() if call.can(CAPABILITIES.get(str(each["method"]), ""))}

    def lacks(self, call: Call) -> list[str]:
        """Return the capabilities that a client lacks to be asked any of the open ones."""
        wanted = {CAPABILITIES.get(str(each["method"]), "") for each in self.open.values()}
        return sorted(each for each in wanted if each and not call.can(each))


def of_run(run: Run) -> Asked | None:
    """Return what a run's agent asks for; None if it asks for nothing."""
    request = run.request
    if request is None:
        return None
    given = request.get(GIVEN)
    return _asked(request, given if isinstance(given, dict) else {})


def _asked(request: Mapping[str, JsonValue], given: Object) -> Asked:
    tool, key = request.get("tool"), str(request["id"])
    if isinstance(tool, dict) and tool.get("name") == REQUESTS:
        arguments = tool.get("arguments")
        found = arguments if isinstance(arguments, dict) else {}
        requests = {name: each for name, each in found.items() if isinstance(each, dict) and "method" in each}
        return Asked(key, requests, given, own=True)
    params: Object = {
        "mode": "form",
        "message": str(request.get("text") or "The agent asks for something."),
        "requestedSchema": _form(request.get("schema")),
    }
    return Asked(key, {key: {"method": "elicitation/create", "params": params}}, given, own=False)


def _form(schema: JsonValue) -> Object:
    """Return a schema that a client can make a form of: an object of simple members."""
    if isinstance(schema, dict) and _is_form(schema):
        return schema
    return {"type": "object", "properties": {_VALUE: _member(schema)}, "required": [_VALUE]}


def _member(schema: JsonValue) -> Object:
    if isinstance(schema, dict) and _is_simple(schema):
        return schema
    told = json.dumps(schema, ensure_ascii=False)[:1000]
    return {"type": "string", "description": f"JSON that fits this schema: {told}"}


def _is_form(schema: Object) -> bool:
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict):
        return False
    return all(isinstance(each, dict) and _is_simple(each) for each in properties.values())


def _is_simple(schema: Object) -> bool:
    if schema.get("type") == "array":
        items = schema.get("items")
        return isinstance(items, dict) and ("enum" in items or "anyOf" in items)
    return schema.get("type") in _SIMPLE


def responses(asked: Asked, sent: JsonValue) -> Object:
    """Return those of a client's responses that answer something that is open."""
    found = sent if isinstance(sent, dict) else {}
    return {key: each for key, each in found.items() if key in asked.open and _fits(asked.open[key], each)}


def _fits(request: Object, response: JsonValue) -> bool:
    """Return whether a response is of the form that a request wants."""
    if not isinstance(response, dict):
        return False
    if request["method"] == "roots/list":
        return isinstance(response.get("roots"), list)
    if request["method"] == "sampling/createMessage":
        return "content" in response
    if response.get("action") != "accept":
        return response.get("action") in {"decline", "cancel"}
    content, params = response.get("content"), request.get("params")
    schema = params.get("requestedSchema") if isinstance(params, dict) else None
    if not isinstance(content, dict):
        return False
    return not isinstance(schema, dict) or _is_valid(schema, content)


def _is_valid(schema: Object, content: Object) -> bool:
    try:
        return json_schemas.validator(schema).is_valid(content)
    except ValueError:
        # The agent has written it, and sees to what it is answered.
        return True


def value_of(asked: Asked, answers: Object, schema: JsonValue) -> JsonValue:
    """Return what the agent is told when everything is answered. Raises Declined."""
    if asked.own:
        return answers
    answer = answers[asked.id]
    if not isinstance(answer, dict) or answer.get("action") != "accept":
        raise Declined
    content = answer.get("content")
    if isinstance(schema, dict) and _is_form(schema):
        return content
    value = content.get(_VALUE) if isinstance(content, dict) else None
    if isinstance(schema, dict) and not _is_simple(schema) and isinstance(value, str):
        try:
            return decoded(value)
        except EventInvalid:
            return value
    return value
