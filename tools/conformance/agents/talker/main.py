"""talker: says back what it hears word by word, calls the client's tools, and asks, for clients of protocols to try."""

import time
from collections.abc import Iterator
from typing import Any

import flask


def agent(request: flask.Request) -> Iterator[str | dict[str, object]]:
    """Yield events and pieces of the reply."""
    asked = request.get_json()
    tools = asked.get("tools", [])
    if "answer" in asked:
        yield f"It is {asked['answer']['value']}."
    elif tools:
        yield question({"id": "1", "name": tools[0]["name"], "arguments": {"location": "San Francisco"}})
    elif asked["text"].startswith("ask"):
        yield question(None)
    elif asked["text"].startswith("fail"):
        raise ValueError("as it was told")
    else:
        yield from answer(asked)


def question(tool: dict[str, object] | None) -> dict[str, object]:
    """Return the event that asks the person, or has a tool called."""
    asked: dict[str, object] = {"type": "input", "text": "Which colour?", "schema": {"type": "string"}}
    return asked if tool is None else {**asked, "tool": tool}


def answer(asked: dict[str, Any]) -> Iterator[str | dict[str, object]]:
    """Yield the text that was heard, after how many messages came before; `slowly` and `count` say how."""
    earlier = len(asked["conversation"].get("messages", []))
    if asked["text"].startswith("count"):
        yield {"type": "tool_call", "id": "1", "name": "count", "arguments": {}}
        yield {"type": "tool_result", "id": "1", "content": earlier}
    for word in f"After {earlier}: {asked['text']}".split(" "):
        yield f"{word} "
        time.sleep(0.1 if asked["text"].startswith("slowly") else 0)
    yield {"type": "usage", "input_tokens": 1, "output_tokens": 2}
