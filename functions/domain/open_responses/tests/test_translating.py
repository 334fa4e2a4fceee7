"""A run's events as those of a response: whole, in parts, and the same whenever they are read."""

import json
from typing import Final

from functions.domain.open_responses import names
from functions.domain.open_responses.names import Named
from functions.domain.open_responses.resources import Facts
from functions.domain.open_responses.translating import ASK, Translator
from shared_psql_models.runs import RunEvent
from testing.run_events import RUN, question, status, text
from testing.run_events import events as run
from tools.documents import Document

FOREGROUND: Final = Facts({"model": "guide"})
BACKGROUND: Final = Facts({"model": "guide", "background": True})


def told(events: list[RunEvent], part: int = 0, facts: Facts = FOREGROUND) -> tuple[list[Document], Document]:
    """Return the response's events, and the response."""
    translator = Translator(facts, Named(RUN, part))
    found: list[Document] = [each for event in events for each in translator.feed(event)]
    return found, dict(translator.response())


def kinds(events: list[Document]) -> list[str]:
    return [str(each["type"]).removeprefix("response.") for each in events]


def output_text(response: Document) -> str:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts)


def test_a_reply_is_one_message_and_its_events_are_numbered() -> None:
    usage = ("usage", {"input_tokens": 2, "output_tokens": 3})
    events, response = told(
        run(status("queued"), status("running"), text("Hel"), text("lo"), usage, status("completed"))
    )
    assert kinds(events) == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.delta", "output_text.done", "content_part.done", "output_item.done"),
        "completed",
    ]
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    assert (output_text(response), response["status"], response["usage"]["total_tokens"]) == ("Hello", "completed", 5)
    assert events[-1]["response"] == response


def test_one_in_the_background_is_queued_at_first() -> None:
    events, response = told(run(status("queued"), status("running")), facts=BACKGROUND)
    assert kinds(events) == ["created", "queued", "in_progress"]
    assert [each["response"]["status"] for each in events] == ["queued", "queued", "in_progress"]
    assert response["usage"] is None


def test_a_question_ends_a_response_by_a_call_and_its_answer_begins_the_next() -> None:
    events = run(
        status("queued"),
        text("Well."),
        question(),
        status("input_required"),
        ("answer", {"id": "ask_1", "value": "blue"}),
        status("queued"),
        text("Blue."),
        status("completed"),
    )
    first, second = told(events)[1], told(events, part=1)[1]
    [said, call] = first["output"]
    assert (first["status"], said["type"], call["name"], call["call_id"]) == ("completed", "message", ASK, "ask_1")
    assert json.loads(call["arguments"]) == {"question": "Which?", "schema": {"type": "string"}}
    assert (output_text(second), second["previous_response_id"]) == ("Blue.", first["id"])


def test_a_tool_of_the_client_s_is_called_by_its_own_name() -> None:
    tool = {"id": "call_0", "name": "get_interest", "arguments": {"of": "me"}}
    events, response = told(run(status("queued"), question(tool), status("input_required")))
    [call] = response["output"]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "get_interest", '{"of":"me"}')
    assert names.run_of_call(call["id"]) == RUN
    assert kinds(events)[2:] == [
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"),
        "completed",
    ]


def test_tools_of_the_agent_s_own_are_none_that_a_client_would_call() -> None:
    call = ("tool_call", {"id": "call_1", "name": "find", "arguments": {}})
    result = ("tool_result", {"id": "call_1", "content": [1]})
    data = ("data", {"data": {"a": 1}, "name": "places"})
    response = told(run(status("queued"), text("Let me see. "), call, result, data, text("So."), status("completed")))[
        1
    ]
    types = [each["type"] for each in response["output"]]
    assert types == ["message", "botberi:tool_call", "botberi:data", "message"]
    assert (response["output"][1]["output"], output_text(response)) == ("[1]", "Let me see. So.")


def test_what_a_broken_attempt_has_said_is_no_part_of_the_response() -> None:
    again = status("queued", void_after=0)
    events, response = told(run(status("queued"), text("brok"), again, text("whole"), status("completed")))
    assert output_text(response) == "whole"
    ended = [each["item"]["status"] for each in events if each["type"] == "response.output_item.done"]
    assert ended == ["incomplete", "completed"]


def test_one_that_fails_or_is_cancelled_says_so() -> None:
    failed, cancelled = (told(run(status("queued"), text("We"), status(how))) for how in ("failed", "cancelled"))
    assert (kinds(failed[0])[-1], failed[1]["error"]) == ("failed", {"code": "why", "message": "Why."})
    assert (kinds(cancelled[0])[-1], cancelled[1]["status"]) == ("incomplete", "cancelled")


def test_an_id_leads_back_to_the_run_and_nothing_else_does() -> None:
    assert names.named(Named(RUN, 3).id) == Named(RUN, 3)
    assert [names.named(wrong) for wrong in ("resp_x", f"{Named(RUN).id}_0", RUN, "")] == [None] * 4
