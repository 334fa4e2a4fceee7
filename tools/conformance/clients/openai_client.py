"""What OpenAI's client in Python does with an instance: run by the interpreter that has the package `openai`."""

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

import openai
from openai import OpenAI
from reporting import checked

BASE = f"{os.environ['ADDRESS']}/v1/instances/{os.environ['INSTANCE']}/v1"
TOOL: dict[str, object] = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
    "strict": False,
}

Refused = TypeVar("Refused", bound=openai.APIStatusError)

client = OpenAI(base_url=BASE, api_key=os.environ["TOKEN"], max_retries=0)
responses = client.responses


def create(said: object, **more: object) -> Any:
    """Create a response."""
    return responses.create(model="any", input=said, **more)


def creates() -> None:
    """Get a reply with its usage."""
    found = create("hello")
    assert (found.status, found.output_text.strip()) == ("completed", "After 0: hello"), found
    assert found.usage.total_tokens == 3


def continues() -> None:
    """Go on from a response, and another way from the same."""
    first = create("hello")
    assert "After 2:" in create("again", previous_response_id=first.id).output_text
    assert "After 2:" in create("otherwise", previous_response_id=first.id).output_text


def tells_history() -> None:
    """Send earlier messages along."""
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert create(said).output_text.strip() == "After 2: c"


def streams() -> None:
    """Get events, numbered without gaps."""
    events = list(create("hello there", stream=True))
    assert [each.sequence_number for each in events] == list(range(len(events)))
    text = "".join(each.delta for each in events if each.type == "response.output_text.delta")
    assert text == events[-1].response.output_text
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")


def streams_by_helper() -> None:
    """Have the client put the response together."""
    with responses.stream(model="any", input="hello there") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text.strip() == "After 0: hello there"


def works_in_background() -> None:
    """Be answered at once, and read it later."""
    found = create("slowly one two three", background=True)
    assert found.status == "queued"
    while found.status in {"queued", "in_progress"}:
        found = responses.retrieve(found.id)
    assert found.status == "completed"


def resumes_anywhere() -> None:
    """Cut a stream at each event, and read on."""
    whole = list(create("one two three", stream=True))
    name = whole[0].response.id
    for event in whole:
        rest = list(responses.retrieve(name, stream=True, starting_after=event.sequence_number))
        assert [each.to_json() for each in rest] == [each.to_json() for each in whole[event.sequence_number + 1 :]]


def resumes_while_it_works() -> None:
    """Leave a stream in the background, and read on while there is more to come."""
    seen = []
    for event in create("slowly one two three four five six", background=True, stream=True):
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
    rest = responses.retrieve(seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number)
    seen += list(rest)
    assert [each.sequence_number for each in seen] == list(range(len(seen)))
    assert seen[-1].response.output_text.strip() == "After 0: slowly one two three four five six"


def cancels() -> None:
    """End what goes on, twice."""
    found = create("slowly " + "on " * 100, background=True)
    assert responses.cancel(found.id).status == "cancelled"
    assert responses.cancel(found.id).status == "cancelled"
    assert list(responses.retrieve(found.id, stream=True))[-1].type == "response.incomplete"


def deletes() -> None:
    """Forget a response."""
    found = create("hello")
    responses.delete(found.id)
    refused(lambda: responses.retrieve(found.id), openai.NotFoundError)


def lists_input() -> None:
    """Read what was asked."""
    items = list(responses.input_items.list(create("hello").id))
    assert [item.content[0].text for item in items] == ["hello"], items


def calls_tools() -> None:
    """Be asked to call a function, and give what it returned."""
    asked = create("the weather?", tools=[TOOL])
    [call] = [item for item in asked.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"location": "San Francisco"})
    output = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    assert create(output, previous_response_id=asked.id, tools=[TOOL]).output_text == "It is sunny."


def calls_tools_without_ids() -> None:
    """Send all items back, as the guide for functions does."""
    said: list[object] = [{"role": "user", "content": "the weather?"}]
    asked = create(said, tools=[TOOL])
    said += asked.output
    said += [
        {"type": "function_call_output", "call_id": item.call_id, "output": "rainy"}
        for item in asked.output
        if item.type == "function_call"
    ]
    assert create(said, tools=[TOOL]).output_text == "It is rainy."


def streams_tools() -> None:
    """Get the events of a call."""
    kinds = [each.type for each in create("the weather?", tools=[TOOL], stream=True)]
    assert "response.function_call_arguments.done" in kinds, kinds


def passes_over_tools_of_the_agents_own() -> None:
    """Take items of a type that it doesn't know, and read the reply."""
    found = create("count")
    assert [item.type for item in found.output] == ["botberi:tool_call", "message"]
    assert found.output_text.strip() == "After 0: count"


def is_asked() -> None:
    """Be asked as a person, and answer by a message."""
    asked = create("ask me")
    assert [item.name for item in asked.output if item.type == "function_call"] == ["ask_user"]
    assert create("blue", previous_response_id=asked.id).output_text == "It is blue."


def hears_of_failures() -> None:
    """Be told that the agent failed."""
    found = create("fail")
    assert (found.status, found.error.code) == ("failed", "agent_failed"), found
    assert list(create("fail", stream=True))[-1].type == "response.failed"


def lists_models() -> None:
    """Read which models there are."""
    assert [each.object for each in client.models.list()] == ["model"]


def is_told_what_is_wrong() -> None:
    """Get the client's own errors."""
    refused(lambda: create(""), openai.BadRequestError)
    refused(lambda: create("hi", previous_response_id="resp_no"), openai.BadRequestError)
    refused(lambda: responses.retrieve("resp_no"), openai.NotFoundError)
    other = client.with_options(api_key="wrong", max_retries=2)
    error = refused(lambda: other.responses.create(model="any", input="hi"), openai.AuthenticationError)
    assert error.code == "invalid_api_key"


def is_alone() -> None:
    """Find nothing of somebody else's."""
    stranger = client.with_options(api_key=os.environ["OTHER"])
    found = create("hello")
    refused(lambda: stranger.responses.retrieve(found.id), openai.NotFoundError)
    refused(lambda: stranger.responses.create(model="any", input="hi"), openai.NotFoundError)


def refused(call: Callable[[], object], kind: type[Refused]) -> Refused:
    """Return the error that a call raises."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


CHECKS = (
    *(creates, continues, tells_history, streams, streams_by_helper, works_in_background, resumes_anywhere),
    *(resumes_while_it_works, cancels, deletes, lists_input, calls_tools, calls_tools_without_ids, streams_tools),
    passes_over_tools_of_the_agents_own,
    *(is_asked, hears_of_failures, lists_models, is_told_what_is_wrong, is_alone),
)

for check in CHECKS:
    with checked(check.__name__):
        check()
