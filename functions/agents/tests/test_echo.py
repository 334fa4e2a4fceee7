"""echo, as functions-framework serves it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import functions_framework
import pytest

SOURCE = Path(__file__).resolve().parents[1] / "echo" / "main.py"
Say = Callable[[str], Any]


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], Say]:
    def start(config: dict[str, str]) -> Say:
        (tmp_path / "config.json").write_text(json.dumps(config))
        monkeypatch.setenv("AGENT_CONFIG", str(tmp_path / "config.json"))
        client = functions_framework.create_app(target="agent", source=str(SOURCE)).test_client()
        return lambda text: client.post("/", json={"id": "msg_1", "text": text}).get_json()["text"]

    return start


def test_it_says_back_what_it_is_told(echo: Callable[[dict[str, str]], Say]) -> None:
    assert echo({})("Grüße 🎉") == "Grüße 🎉"


def test_it_puts_its_prefix_before_every_answer_and_its_greeting_before_the_first(
    echo: Callable[[dict[str, str]], Say],
) -> None:
    say = echo({"prefix": "> ", "greeting": "Welcome."})
    assert [say("one"), say("two")] == ["Welcome.\n> one", "> two"]
