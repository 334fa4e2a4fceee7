"""guide: recommends places, word by word. A pattern for agents that stream, call tools, and ask for what they miss.

Its config holds `places` (`[{"name", "interest", "about"}]`) and `seconds_per_word`. A client that offers a tool named
`get_interest` is asked to call it; else the person is asked.
"""

import json
import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import flask

ASKED_TOOL = "get_interest"


@cache
def config() -> dict[str, Any]:
    """Read the instance's config once."""
    return json.loads(Path(os.environ["AGENT_CONFIG"]).read_text(encoding="utf-8"))


def agent(request: flask.Request) -> Iterator[str | dict[str, Any]]:
    """Yield events and pieces of the reply."""
    message = request.get_json()
    interest = named_in(message)
    if interest is None:
        yield question(message)
        return
    yield {"type": "status", "text": f"looking for {interest}"}
    yield {"type": "tool_call", "id": "call_1", "name": "find_places", "arguments": {"interest": interest}}
    found = find_places(interest)
    yield {"type": "tool_result", "id": "call_1", "content": found}
    said = 0
    for place in found:
        for word in f"Go to {place['name']}. {place['about']} ".split(" ")[:-1]:
            said += 1
            yield f"{word} "
            time.sleep(config()["seconds_per_word"])
    yield {"type": "data", "name": "places", "data": found}
    yield {"type": "usage", "input_tokens": len(message["text"].split()), "output_tokens": said}


def named_in(message: dict[str, Any]) -> str | None:
    """Return the interest that was answered, or that the text names; None without one."""
    if "answer" in message:
        return message["answer"]["value"]
    return next((each for each in interests() if each.casefold() in message["text"].casefold()), None)


def question(message: dict[str, Any]) -> dict[str, Any]:
    """Return the event that asks for an interest: the answer to it comes with the next call."""
    asked = {
        "type": "input",
        "text": f"What do you like: {', '.join(interests())}?",
        "schema": {"type": "string", "enum": interests()},
    }
    if any(tool["name"] == ASKED_TOOL for tool in message.get("tools", [])):
        asked["tool"] = {"id": "call_0", "name": ASKED_TOOL, "arguments": {"interests": interests()}}
    return asked


def interests() -> list[str]:
    """Return what there are places for, each once."""
    return list(dict.fromkeys(place["interest"] for place in config()["places"]))


def find_places(interest: str) -> list[dict[str, str]]:
    """Return the places for an interest."""
    return [place for place in config()["places"] if place["interest"] == interest]
