"""mcp-showcase: offers tools, prompts and resources to clients of MCP, and asks them in every way there is.

What it offers stands in agent.json. A call comes in `metadata`, and each tool here is a generator of what it says.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import flask

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA=="

Said = Iterator[str | dict[str, Any]]


class Call:
    """What is called, and what was answered to what was asked."""

    def __init__(self, message: dict[str, Any]) -> None:
        """Take the message that the agent was sent."""
        told = message.get("metadata", {}).get("call", {})
        self.name = told.get("tool") or told.get("prompt") or ""
        self.arguments = told.get("arguments", {})
        self.answers = told.get("answers", {})
        self.answer = message.get("answer", {}).get("value")


Tool = Callable[[Call], Said]


def agent(request: flask.Request) -> Said:
    """Yield what the tool or prompt says that is called."""
    message = request.get_json()
    call = Call(message)
    say = TOOLS.get(call.name)
    if say is None:
        yield f"You said: {message['text']}"
    else:
        yield from say(call)


def form(message: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """Return a request for a form to be filled in."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "method": "elicitation/create",
        "params": {"mode": "form", "message": message, "requestedSchema": schema},
    }


def model(question: str) -> dict[str, Any]:
    """Return a request for the client's model."""
    said = {"role": "user", "content": {"type": "text", "text": question}}
    return {"method": "sampling/createMessage", "params": {"messages": [said], "maxTokens": 100}}


NAME = form("What is your name?", name={"type": "string"})
CONFIRM = form("Shall it be done?", ok={"type": "boolean"})
ROOTS = {"method": "roots/list", "params": {}}


def ask(**requests: dict[str, Any]) -> dict[str, Any]:
    """Return the event that asks the client for several things, by keys."""
    tool = {"id": "ask", "name": "mcp.input_requests", "arguments": requests}
    return {"type": "input", "text": "The client is asked.", "schema": {"type": "object"}, "tool": tool}


def content(*blocks: dict[str, Any]) -> dict[str, Any]:
    """Return the event that says content of other kinds than text."""
    return {"type": "data", "name": "mcp.content", "data": list(blocks)}


def note(text: str) -> dict[str, Any]:
    """Return the event that says what the agent is doing."""
    return {"type": "status", "text": text}


def simple(_call: Call) -> Said:
    """Say a text."""
    yield "This is a simple text response for testing."


def image(_call: Call) -> Said:
    """Show an image."""
    yield content({"type": "image", "data": PNG, "mimeType": "image/png"})


def audio(_call: Call) -> Said:
    """Let a sound be heard."""
    yield content({"type": "audio", "data": WAV, "mimeType": "audio/wav"})


def resource(uri: str, kind: str, text: str) -> dict[str, Any]:
    """Return a resource as content."""
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": text}}


def embedded(_call: Call) -> Said:
    """Send a resource along."""
    yield content(resource("test://embedded-resource", "text/plain", "This is an embedded resource content."))


def mixed(_call: Call) -> Said:
    """Say several kinds of content, in their order."""
    data = json.dumps({"test": "data", "value": 123})
    yield "Multiple content types test:"
    yield content(
        {"type": "image", "data": PNG, "mimeType": "image/png"},
        resource("test://mixed-content-resource", "application/json", data),
    )


def fail(_call: Call) -> Said:
    """Fail, in words of its own."""
    yield {"type": "error", "text": "This tool intentionally returns an error for testing"}


def fail_late(_call: Call) -> Said:
    """Fail after a second."""
    time.sleep(1)
    yield {"type": "error", "text": "This job fails, as it always does"}


def break_contract(_call: Call) -> Said:
    """Say what isn't taken: that is the server's failure, not the tool's."""
    yield {"type": "nothing_of_the_kind"}


def progress(_call: Call) -> Said:
    """Say how far it is."""
    for percent in (0, 50, 100):
        yield {"type": "data", "name": "progress", "data": {"progress": percent, "total": 100}}
        time.sleep(0.05)
    yield "It is done."


def log(_call: Call) -> Said:
    """Say what it is doing."""
    for text in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        yield note(text)
        time.sleep(0.01)
    yield "It was logged."


def changed(kind: str) -> Tool:
    """Return what says that a list has changed."""

    def say(_call: Call) -> Said:
        yield {"type": "data", "name": "mcp.list_changed", "data": kind}
        yield f"The {kind} have changed."

    return say


def asking(**requests: dict[str, Any]) -> Tool:
    """Return what asks for things, and then says what it was answered."""

    def say(call: Call) -> Said:
        if call.answer is None:
            yield note("asking")
            yield ask(**requests)
        else:
            yield f"state-ok: {json.dumps(call.answer)}"

    return say


def two_rounds(call: Call) -> Said:
    """Ask for one thing, and with that for another."""
    if call.answer is None:
        yield ask(step1=form("What is your name?", name={"type": "string"}))
    elif "step1" in call.answer:
        yield ask(step2=form("Which colour do you like?", color={"type": "string"}))
    else:
        yield f"Both steps are done: {json.dumps(call.answer)}"


def prompt(call: Call) -> Said:
    """Write a prompt about something that was asked for."""
    if call.answer is None:
        yield ask(user_context=form("What shall it be about?", context={"type": "string"}))
    else:
        yield f"Write a poem about {call.answer['user_context'].get('content', {}).get('context', 'nothing')}."


def greet(call: Call) -> Said:
    """Greet somebody."""
    yield f"Hello, {call.arguments.get('name', 'you')}!"


def slow(call: Call) -> Said:
    """Take as long as it is told, and end at once when nobody waits any more."""
    end = time.monotonic() + call.arguments.get("seconds", 0)
    while (rest := end - time.monotonic()) > 0:
        time.sleep(min(rest, 0.2))
        yield ""
    yield f"Computed {call.arguments.get('label', 'it')}."


def named_first(call: Call) -> Said:
    """Say the name that the client was asked for before."""
    time.sleep(0.3)
    yield f"It was done for {call.answers['user_name'].get('content', {}).get('name', 'nobody')}."


def delete(call: Call) -> Said:
    """Ask whether to delete, and don't."""
    if call.answer is None:
        yield ask(confirm=form(f"Delete {call.arguments.get('filename', 'it')}?", confirm={"type": "boolean"}))
    else:
        yield f"Nothing was deleted. The answer was {json.dumps(call.answer['confirm'])}."


def region(call: Call) -> Said:
    """Repeat an argument."""
    yield f"The region is {call.arguments.get('region', 'none')}."


TOOLS = {
    "test_simple_text": simple,
    "test_image_content": image,
    "test_audio_content": audio,
    "test_embedded_resource": embedded,
    "test_multiple_content_types": mixed,
    "test_error_handling": fail,
    "test_tool_with_progress": progress,
    "test_logging_tool": log,
    "test_missing_capability": asking(sample_request=model("Say something.")),
    "test_streaming_elicitation": asking(user_name=NAME),
    "test_trigger_tool_change": changed("tools"),
    "test_trigger_prompt_change": changed("prompts"),
    "test_input_required_result_elicitation": asking(user_name=NAME),
    "test_input_required_result_sampling": asking(sample_request=model("What is the capital of France?")),
    "test_input_required_result_list_roots": asking(roots_request=ROOTS),
    "test_input_required_result_request_state": asking(confirm=CONFIRM),
    "test_input_required_result_multiple_inputs": asking(
        user_name=NAME, greeting=model("Greet somebody."), client_roots=ROOTS
    ),
    "test_input_required_result_multi_round": two_rounds,
    "test_input_required_result_tampered_state": asking(confirm=CONFIRM),
    "test_input_required_result_capabilities": asking(user_name=NAME, sample_request=model("Say something.")),
    "test_input_required_result_prompt": prompt,
    "test_tool_with_task": named_first,
    "test_custom_headers": region,
    "json_schema_2020_12_tool": region,
    "greet": greet,
    "slow_compute": slow,
    "failing_job": fail_late,
    "protocol_error_job": break_contract,
    "confirm_delete": delete,
    "multi_input": asking(
        first=form("The first name?", name={"type": "string"}), second=form("The second name?", name={"type": "string"})
    ),
}
