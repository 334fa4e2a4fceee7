"""What a run has come to, as a client of MCP is told it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.domain.mcp import results
from functions.domain.mcp.errors import McpError
from functions.domain.mcp.results import Outcome
from functions.domain.runs.reasons import Reason
from shared_psql_models.runs import Run, RunStatus

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def run(status: RunStatus = RunStatus.COMPLETED, reason: Reason = Reason.COMPLETED, reply: str = "") -> Run:
    fields: Any = {"id": "run_1", "conversation_id": "con_1", "usage": {}, "explanation": "So it is.", "reply": reply}
    fields |= {"status": status, "reason": reason, "created_at": NOW, "status_at": NOW}
    return Run.model_construct(**fields)


def result(reply: str, *data: tuple[str | None, Any]) -> dict[str, Any]:
    return dict(results.of_tool(Outcome(run(reply=reply), data)))


def test_text_and_data_are_content_and_an_object_is_structured_too() -> None:
    found = result("Two: ", (None, {"a": 1}), ("progress", {"progress": 1}))
    assert found["content"] == [{"type": "text", "text": "Two: "}, {"type": "text", "text": '{"a": 1}'}]
    assert found["structuredContent"] == {"a": 1}


def test_content_of_mcp_is_passed_on_and_what_is_none_becomes_text() -> None:
    image = {"type": "image", "data": "", "mimeType": "image/png"}
    found = result("", ("mcp.content", [image, {"type": "image"}, 7]))
    assert [each["type"] for each in found["content"]] == ["image", "text", "text"]


@pytest.mark.parametrize(
    ("status", "reason", "shown", "members"),
    [
        (RunStatus.QUEUED, Reason.ACCEPTED, "working", set()),
        (RunStatus.COMPLETED, Reason.COMPLETED, "completed", {"result"}),
        (RunStatus.FAILED, Reason.AGENT_FAILED, "completed", {"result"}),
        (RunStatus.FAILED, Reason.RUNNER_LOST, "failed", {"error"}),
        (RunStatus.CANCELLED, Reason.CANCEL_REQUESTED, "cancelled", set()),
    ],
)
def test_a_task_tells_the_run_s_status(status: RunStatus, reason: Reason, shown: str, members: set[str]) -> None:
    found = run(status, reason)
    assert results.task(found)["status"] == shown
    told = results.ended_task(found, results.of_tool(Outcome(found, ())))
    assert set(told) == members
    failed = told.get("result", {})
    assert isinstance(failed, dict)
    assert failed.get("isError", False) is (reason is Reason.AGENT_FAILED)


def test_a_prompt_that_the_agent_fails_to_write_is_an_error() -> None:
    with pytest.raises(McpError, match="So it is"):
        results.of_prompt("About it.", Outcome(run(RunStatus.FAILED, Reason.AGENT_FAILED), ()))
    written = results.of_prompt("About it.", Outcome(run(reply="Do it."), ()))
    assert written["messages"] == [{"role": "user", "content": {"type": "text", "text": "Do it."}}]
