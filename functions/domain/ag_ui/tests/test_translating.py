"""A run's events as those of AG-UI: whole, in parts, and read on after a break."""

from typing import Final

import pytest

from functions.domain.ag_ui.translating import Named, Translator
from shared_psql_models.runs import RunEvent
from testing.run_events import RUN, question, status, text
from testing.run_events import events as run
from tools.documents import Document


def translator(part: int = 0) -> Translator:
    return Translator(Named("thread", "client-run", RUN, part))


def told(events: list[RunEvent], part: int = 0) -> list[Document]:
    made = translator(part)
    return [each for event in events for each in made.feed(event)]


def kinds(events: list[Document]) -> list[str]:
    return [str(each["type"]) for each in events]


WHOLE: Final = (
    status("queued"),
    status("running"),
    text("Hel"),
    text("lo"),
    ("tool_call", {"id": "call_1", "name": "find", "arguments": {"a": 1}}),
    ("tool_result", {"id": "call_1", "content": [1]}),
    text("Bye"),
    ("usage", {"input_tokens": 2, "output_tokens": 3}),
    status("completed"),
)


def test_a_run_is_told_from_its_start_to_its_end() -> None:
    events = told(run(*WHOLE))
    assert kinds(events) == [
        *("RUN_STARTED", "CUSTOM", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_CONTENT"),
        *("TEXT_MESSAGE_END", "TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT"),
        *("TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END", "RUN_FINISHED"),
    ]
    assert events[-1]["outcome"] == {"type": "success"}
    assert events[-1]["usage"] == [{"inputTokens": 2, "outputTokens": 3}]


@pytest.mark.parametrize("cut", range(1, len(WHOLE) + 1))
def test_wherever_it_was_cut_a_client_reads_on_and_has_each_piece_once(cut: int) -> None:
    made = translator()
    events = run(*WHOLE)
    before = [each for event in events[:cut] for each in made.feed(event)]
    after = [*made.again(), *(each for event in events[cut:] for each in made.feed(event))]
    pieces = [(each["messageId"], each["delta"]) for each in before + after if "CONTENT" in str(each["type"])]
    whole = [(each["messageId"], each["delta"]) for each in told(events) if "CONTENT" in str(each["type"])]
    assert pieces == whole
    assert (kinds(after)[0], kinds(after)[-1]) == ("RUN_STARTED", "RUN_FINISHED")
    # No client takes a piece of a message that has not begun in its stream.
    begun = {each["messageId"] for each in after if each["type"] == "TEXT_MESSAGE_START"}
    assert {each["messageId"] for each in after if "CONTENT" in str(each["type"])} <= begun


def test_a_question_is_an_interrupt_and_its_answer_the_next_run() -> None:
    answered = ("answer", {"id": "ask_1", "value": "blue"})
    waits = status("input_required", deadline_at="2026-12-30T00:00:00Z")
    events = run(status("queued"), text("Well."), question(), waits, answered, text("Blue."))
    assert told(events)[-1]["outcome"]["interrupts"] == [
        {
            "id": "ask_1",
            "reason": "input_required",
            "message": "Which?",
            "responseSchema": {"type": "string"},
            "expiresAt": "2026-12-30T00:00:00Z",
        }
    ]
    assert kinds(told(events, part=1)) == ["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT"]


def test_a_tool_of_the_client_s_is_called_and_the_run_ends() -> None:
    tool = {"id": "call_0", "name": "get_interest", "arguments": {}}
    events = told(run(status("queued"), question(tool), status("input_required")))
    assert events[2] == {"type": "TOOL_CALL_START", "toolCallId": "ask_1", "toolCallName": "get_interest"}
    assert events[-1]["outcome"] == {"type": "success", "pendingToolCallIds": ["ask_1"]}


def test_a_question_of_which_nobody_has_written_until_when_it_waits_is_an_interrupt_too() -> None:
    [interrupt] = told(run(question(), status("input_required")))[-1]["outcome"]["interrupts"]
    assert "expiresAt" not in interrupt, "clients refuse a null"


def test_a_broken_attempt_s_messages_are_named() -> None:
    events = told(run(status("queued"), text("brok"), status("queued", void_after=0), text("whole"), status("failed")))
    [again] = [each["value"] for each in events if each.get("name") == "tried_again"]
    assert again["voidMessageIds"] == [f"msg_{'0' * 32}_2"]
    assert events[-1] == {"type": "RUN_ERROR", "message": "Why.", "code": "why"}
