"""A run's events as a client of A2A sees them."""

from datetime import UTC, datetime
from typing import Final

from functions.domain.a2a.tasks import Task
from shared_psql_models.runs import EventType, Run, RunEvent, RunStatus
from tools.documents import Document

Said = tuple[EventType, Document]

AT: Final = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROW: Final[Document] = {
    "id": "run_1",
    "message": {"text": "hello", "protocol_id": "m-1"},
    "created_at": AT,
    "message_id": "msg_1",
}
RUN: Final = Run.model_construct(**ROW)


def status(status: RunStatus, **more: object) -> Said:
    told = {"status": status.value, "reason": "started", "explanation": "It is so.", "attempt": 1}
    return EventType.STATUS, {**told, **more}


def text(words: str) -> Said:
    return EventType.TEXT, {"text": words}


QUEUED: Final = status(RunStatus.QUEUED)
RUNNING: Final = status(RunStatus.RUNNING)
COMPLETED: Final = status(RunStatus.COMPLETED)


def told(*events: Said) -> tuple[Task, list[Document]]:
    """Return the task after these events, and what a stream has said of them."""
    task = Task(RUN, "ours")
    said: list[Document] = []
    for sequence, (kind, data) in enumerate(events, start=1):
        said += task.take(RunEvent.model_construct(run_id="run_1", sequence=sequence, at=AT, type=kind, data=data))
    return task, said


def shown(task: Task, history: int | None = None, *, artifacts: bool = True) -> Document:
    return dict(task.shown(history=history, artifacts=artifacts))


def test_a_task_says_what_was_asked_how_it_stands_and_what_came_of_it() -> None:
    task, said = told(QUEUED, RUNNING, text("Hel"), text("lo"), COMPLETED)
    found = shown(task)
    assert found["status"] == {"state": "TASK_STATE_COMPLETED", "timestamp": "2026-11-30T12:00:00.000Z"}
    assert found["artifacts"] == [{"artifactId": "run_1:reply", "parts": [{"text": "Hello"}]}]
    assert found["history"] == [
        {"messageId": "m-1", "role": "ROLE_USER", "taskId": "run_1", "contextId": "ours", "parts": [{"text": "hello"}]}
    ]
    assert [next(iter(each)) for each in said] == ["statusUpdate"] * 2 + ["artifactUpdate"] * 2 + ["statusUpdate"]
    assert [said[2]["artifactUpdate"]["append"], said[3]["artifactUpdate"]["append"]] == [False, True]


def test_no_history_is_left_out_and_so_are_artifacts_that_nobody_wants() -> None:
    task, _ = told(QUEUED, RUNNING, text("Hello"), COMPLETED)
    assert not {"history", "artifacts"} & shown(task, 0, artifacts=False).keys()
    assert len(shown(task, 1)["history"]) == 1


def test_what_an_agent_asks_is_told_by_the_status_and_then_by_the_history() -> None:
    asks = (EventType.INPUT, {"id": "ask_1", "text": "Which colour?", "schema": {"type": "string"}})
    answers = (EventType.ANSWER, {"id": "ask_1", "value": "blue", "a2a": {"messageId": "m-2"}})
    waiting, _ = told(QUEUED, RUNNING, asks, status(RunStatus.INPUT_REQUIRED))
    assert waiting.paused
    assert not waiting.ended
    assert shown(waiting)["status"]["message"]["parts"][0] == {"text": "Which colour?"}
    assert len(shown(waiting)["history"]) == 1
    ended, _ = told(QUEUED, RUNNING, asks, status(RunStatus.INPUT_REQUIRED), answers, QUEUED, RUNNING, COMPLETED)
    assert [each["messageId"] for each in shown(ended)["history"]] == ["m-1", "run_1:3", "m-2"]


def test_an_attempt_that_is_tried_again_goes_on_in_another_artifact() -> None:
    void = status(RunStatus.QUEUED, void_after=2)
    task, said = told(QUEUED, RUNNING, text("broken"), void, RUNNING, text("whole"), COMPLETED)
    assert shown(task)["artifacts"] == [{"artifactId": "run_1:reply-4", "parts": [{"text": "whole"}]}]
    [first, second] = [each["artifactUpdate"] for each in said if "artifactUpdate" in each]
    assert first["artifact"]["artifactId"] != second["artifact"]["artifactId"]
    assert second["append"] is False


def test_why_it_failed_is_a_message_and_usage_is_told_at_the_end() -> None:
    usage = (EventType.USAGE, {"input_tokens": 2, "cost": "0.1"})
    task, said = told(QUEUED, RUNNING, usage, usage, status(RunStatus.FAILED))
    assert shown(task)["status"]["message"]["parts"] == [{"text": "It is so."}]
    assert said[-1]["statusUpdate"]["metadata"]["urn:botberi:run"]["usage"] == {"input_tokens": 4, "cost": "0.2"}


def test_data_is_an_artifact_and_an_agent_that_knows_a2a_says_its_own() -> None:
    plain = (EventType.DATA, {"data": {"a": 1}, "name": "numbers"})
    file = (EventType.DATA, {"name": "a2a.artifact", "data": {"parts": [{"raw": "dGNr", "filename": "a.txt"}]}})
    refused = (EventType.DATA, {"name": "a2a.status", "data": {"state": "TASK_STATE_REJECTED"}})
    task, _ = told(QUEUED, RUNNING, plain, file, refused, COMPLETED)
    [numbers, other] = shown(task)["artifacts"]
    assert (numbers["name"], numbers["parts"][0]["data"]) == ("numbers", {"a": 1})
    assert other["parts"] == [{"raw": "dGNr", "filename": "a.txt"}]
    assert shown(task)["status"]["state"] == "TASK_STATE_REJECTED"


def test_a_message_in_the_place_of_a_task_is_of_no_task() -> None:
    says = (EventType.DATA, {"name": "a2a.message", "data": {"parts": [{"text": "Hi"}]}})
    task, _ = told(QUEUED, RUNNING, says, COMPLETED)
    reply = task.reply()
    assert reply is not None
    assert (reply["parts"], "taskId" in reply) == ([{"text": "Hi"}], False)
