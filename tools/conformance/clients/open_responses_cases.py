"""The ten cases of Open Responses' compliance test, by the models of its OpenAPI document (`openresponses-types`)."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
from openresponses_types import types
from pydantic import BaseModel
from reporting import checked

URL = f"{os.environ['ADDRESS']}/v1/instances/{os.environ['INSTANCE']}/v1/responses"
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
Json = dict[str, Any]

PIXEL = base64.b64encode(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").decode()

EVENTS: dict[str, type[BaseModel]] = {}
for each in vars(types).values():
    if isinstance(each, type) and issubclass(each, BaseModel) and each.__name__.endswith("StreamingEvent"):
        kind = each.model_fields["type"].annotation
        for value in kind or ():  # type: ignore[attr-defined]
            EVENTS[str(value.value)] = each


def send(body: Json) -> bytes:
    """Return what a request is answered."""
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    answer = httpx2.post(URL, json={"model": "any", "stream": False, **body}, headers=headers, timeout=120)
    answer.raise_for_status()
    return answer.content


def response(**body: object) -> Json:
    """Return a response that is complete and valid."""
    found = json.loads(send(body))
    types.ResponseResource.model_validate(found)
    assert found["status"] == "completed", found
    assert found["output"]
    return found


def streamed(**body: object) -> list[Json]:
    """Return the events of a response, each of them valid."""
    blocks = send({**body, "stream": True}).decode().split("\n\n")
    data = [line.removeprefix("data: ") for block in blocks for line in block.split("\n") if line.startswith("data: ")]
    assert data.pop() == "[DONE]"
    events = [json.loads(line) for line in data]
    for event in events:
        if not extended(event):
            EVENTS[event["type"]].model_validate(event)
    types.ResponseResource.model_validate(events[-1]["response"])
    assert events[-1]["type"] == "response.completed", events[-1]
    return events


def extended(event: Json) -> bool:
    """Tell whether an event is about an item of a type with a prefix of its own, which the document allows for."""
    return ":" in event.get("item", {}).get("type", "")


def message(content: object, role: str = "user") -> Json:
    """Return an item."""
    return {"type": "message", "role": role, "content": content}


def has_call(found: Json) -> Json:
    """Return the call of a function among a response's items."""
    [call] = [item for item in found["output"] if item["type"] == "function_call"]
    return call


def cases() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each case with what runs it."""
    yield "basic", lambda: response(input=[message("Say hello.")])
    yield "streaming", lambda: streamed(input=[message("Count to three.")])
    yield "system message", lambda: response(input=[message("Be a pirate.", "system"), message("Hello.")])
    yield "tool", lambda: has_call(response(input=[message("The weather?")], tools=[TOOL]))
    yield "tool, streamed", lambda: has_call(streamed(input=[message("Weather?")], tools=[TOOL])[-1]["response"])
    yield "tool round trip", round_trip
    image = {"type": "input_image", "image_url": f"data:image/gif;base64,{PIXEL}"}
    yield "image", lambda: response(input=[message([{"type": "input_text", "text": "What is it?"}, image])])
    file = {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PIXEL}"}
    yield "file", lambda: response(input=[message([{"type": "input_text", "text": "What is it?"}, file])])
    yield (
        "several turns",
        lambda: response(input=[message("I am Ann."), message("Hello Ann.", "assistant"), message("Who am I?")]),
    )
    yield (
        "previous response",
        lambda: response(input="And again?", previous_response_id=response(input=[message("Hello.")])["id"]),
    )


def round_trip() -> None:
    """Give what a function that had to be called returned."""
    first = response(
        input=[message("The weather?")], tools=[TOOL], tool_choice={"type": "function", "name": "get_weather"}
    )
    output = {"type": "function_call_output", "call_id": has_call(first)["call_id"], "output": '{"sunny": true}'}
    response(input=[output], previous_response_id=first["id"], tools=[TOOL])


for name, case in cases():
    with checked(name):
        case()
