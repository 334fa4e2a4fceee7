"""faq: the right answer to questions in other words, and none to those it doesn't know."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import functions_framework
import pytest

FOLDER: Final = Path(__file__).resolve().parents[1] / "faq"
QUESTIONS: Final = [
    {"question": "How do I reset my password?", "answer": "password"},
    {"question": "What are your opening hours?", "answer": "hours"},
    {"question": "Can I get a refund for my order?", "answer": "refund"},
    {"question": "Do you ship to Germany?", "answer": "ship"},
    {"question": "How can I change the e-mail address of my account?", "answer": "address"},
    {"question": "Wie lange dauert die Lieferung?", "answer": "Lieferung"},
]
Say = Callable[[str], Any]


@pytest.fixture
def faq(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Say]]:
    def start(**config: Any) -> Say:
        (tmp_path / "config.json").write_text(json.dumps({"questions": QUESTIONS} | config))
        monkeypatch.setenv("AGENT_CONFIG", str(tmp_path / "config.json"))
        monkeypatch.syspath_prepend(str(FOLDER))
        client = functions_framework.create_app(target="agent", source=str(FOLDER / "main.py")).test_client()
        return lambda text: client.post("/", json={"id": "msg_1", "text": text}).get_json()["text"]

    yield start
    sys.modules.pop("similarity", None)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("How do I reset my password?", "password"),
        ("how to reset a forgotten password", "password"),
        ("RESET PASSWORD!!", "password"),
        ("I forgot my pasword", "password"),
        ("when do you open? opening hours please", "hours"),
        ("Can I have refunds?", "refund"),
        ("shipping to germany?", "ship"),
        ("change email adress", "address"),
        ("wie lange dauert eine lieferung", "Lieferung"),
    ],
)
def test_a_question_in_other_words_gets_its_answer(faq: Callable[..., Say], asked: str, answer: str) -> None:
    assert faq()(asked) == answer


def test_one_question_is_enough(faq: Callable[..., Say]) -> None:
    say = faq(questions=QUESTIONS[:1])
    assert say("i forgot my pasword") == "password"
    assert say("what is your address") == "I don't know the answer to that."


@pytest.mark.parametrize(
    "asked", ["Who won the world cup?", "", "???", "how do I", "is it the of my", "🎉", "x" * 4000]
)
def test_it_says_so_when_it_does_not_know(faq: Callable[..., Say], asked: str) -> None:
    assert faq()(asked) == "I don't know the answer to that."


def test_what_it_says_then_and_how_sure_it_must_be_are_in_its_config(faq: Callable[..., Say]) -> None:
    assert faq(unknown="Ask a person.")("Who won the world cup?") == "Ask a person."
    assert faq(threshold=1, unknown="?")("reset password") == "?"
    assert faq(threshold=0)("reset password") == "password"
