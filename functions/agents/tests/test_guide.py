"""guide, as a sandbox serves it: what it says, and what it asks for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import functions_framework
import pytest

from functions.services.agent_host.sandbox import pieces

SOURCE: Final = Path(__file__).resolve().parents[1] / "guide" / "main.py"
PLACES: Final = [
    {"name": name, "interest": interest, "about": "Look."} for name, interest in [("A", "art"), ("B", "beer")]
]
Say = Callable[..., list[Any]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    (tmp_path / "config.json").write_text(json.dumps({"places": PLACES, "seconds_per_word": 0}))
    monkeypatch.setenv("AGENT_CONFIG", str(tmp_path / "config.json"))
    pieces.stream(app := functions_framework.create_app(target="agent", source=str(SOURCE)))
    client = app.test_client()

    def say(text: str, **told: object) -> list[Any]:
        answer = client.post("/", json={"id": "msg_1", "text": text, **told})
        return [json.loads(line) for line in answer.data.splitlines()]

    return say


def test_it_looks_up_what_was_asked_for_and_says_so_word_by_word(say: Say) -> None:
    status, call, result, *words, data, usage = say("Some Art, please.")
    assert status["text"] == "looking for art"
    assert (call["id"], call["arguments"]) == (result["id"], {"interest": "art"})
    assert "".join(words) == "Go to A. Look. "
    assert (result["content"], data["data"]) == (PLACES[:1], PLACES[:1])
    assert (usage["input_tokens"], usage["output_tokens"]) == (3, 4)


def test_it_asks_what_it_is_not_told_and_goes_on_with_the_answer(say: Say) -> None:
    [asked] = say("Hello")
    assert (asked["text"], asked["schema"]["enum"]) == ("What do you like: art, beer?", ["art", "beer"])
    assert "tool" not in asked
    assert "Go to B. " in "".join(filter(lambda said: isinstance(said, str), say("Hello", answer={"value": "beer"})))


def test_it_asks_a_tool_that_knows(say: Say) -> None:
    [asked] = say("Hello", tools=[{"name": "other"}, {"name": "get_interest"}])
    assert asked["tool"] == {"id": "call_0", "name": "get_interest", "arguments": {"interests": ["art", "beer"]}}
