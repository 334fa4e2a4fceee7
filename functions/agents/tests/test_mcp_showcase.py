"""mcp-showcase: every tool that it offers says something, and what it asks is of MCP's own form."""

import json
from pathlib import Path
from typing import Any, Final

import functions_framework
import pytest

from functions.services.agent_host.sandbox import pieces

FOLDER: Final = Path(__file__).resolve().parents[1] / "mcp-showcase"
OFFERED: Final = json.loads((FOLDER / "agent.json").read_text())["interface"]


def say(call: dict[str, Any], **told: object) -> list[Any]:
    pieces.stream(app := functions_framework.create_app(target="agent", source=str(FOLDER / "main.py")))
    answer = app.test_client().post("/", json={"id": "msg_1", "text": "hello", "metadata": {"call": call}, **told})
    return [json.loads(line) for line in answer.data.splitlines()]


@pytest.mark.parametrize("tool", [each["name"] for each in OFFERED["tools"] if each["name"] != "failing_job"])
def test_every_tool_that_it_offers_is_there(tool: str) -> None:
    answers = {name: {"action": "accept", "content": {"name": "Ann"}} for name in ("user_name",)}
    said = say({"tool": tool, "arguments": {}, "answers": answers})
    assert said
    assert "You said" not in json.dumps(said)


def test_it_goes_on_with_what_it_is_answered() -> None:
    call = {"tool": "confirm_delete", "arguments": {"filename": "a.txt"}}
    [asked] = say(call)
    assert asked["tool"]["arguments"]["confirm"]["method"] == "elicitation/create"
    [text] = say(call, answer={"id": "ask_1", "value": {"confirm": {"action": "decline"}}})
    assert "decline" in text
