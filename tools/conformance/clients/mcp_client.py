"""What the official client of MCP does with an instance: run by the interpreter that has the package `mcp`."""

import asyncio
import os
from contextlib import AbstractAsyncContextManager, suppress
from typing import Literal

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from reporting import checked

URL = f"{os.environ['ADDRESS']}/v1/instances/{os.environ['INSTANCE']}/mcp"
TASKS = "io.modelcontextprotocol/tasks"
SECONDS = 60
"""That a check may take."""


class TaskHandle(types.Result):
    """What a call is answered that goes on as a task."""

    result_type: Literal["task"]
    task_id: str
    status: str


class TaskParams(types.RequestParams):
    """Which task is meant, and what is answered to it."""

    task_id: str
    input_responses: dict[str, object] | None = None


class TaskRequest(types.Request[TaskParams, str]):
    """A request about a task."""

    method: str
    params: TaskParams
    name_param = "taskId"


class TaskState(types.Result):
    """How a task is; nothing of that where something was done with it."""

    status: str = ""
    result: dict[str, object] | None = None
    input_requests: dict[str, object] | None = None


class Tasks(ClientExtension):
    """Follows tasks to their ends, and answers what they ask."""

    identifier = TASKS

    def claims(self) -> tuple[ResultClaim[TaskHandle]]:
        """Return what is made of the handle of a task."""
        return (ResultClaim(result_type="task", model=TaskHandle, resolve=follow),)


async def follow(handle: TaskHandle, context: ClaimContext) -> types.CallToolResult:
    """Return the result of a task."""
    for _ in range(200):
        params = TaskParams(task_id=handle.task_id)
        state = await context.session.send_request(TaskRequest(method="tasks/get", params=params), TaskState)
        if state.status == "completed":
            return types.CallToolResult.model_validate({"resultType": "complete", **(state.result or {})})
        for key in state.input_requests or {}:
            given = {key: {"action": "accept", "content": {"confirm": True}}}
            answer = TaskParams(task_id=handle.task_id, input_responses=given)
            await context.session.send_request(TaskRequest(method="tasks/update", params=answer), TaskState)
        await asyncio.sleep(0.1)
    raise TimeoutError("the task doesn't end")


async def elicit(_context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
    """Fill in every form in the same way."""
    return types.ElicitResult(action="accept", content={"name": "Ann", "ok": True})


def connected(token: str, **more: object) -> AbstractAsyncContextManager[Client]:
    """Return a client of the instance."""
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    return Client(streamable_http_client(URL, http_client=http), **more)


def told(result: types.CallToolResult) -> str:
    """Return the first text of a result."""
    [first, *_] = result.content
    assert isinstance(first, types.TextContent)
    return first.text


async def it_finds_out_what_there_is(client: Client) -> None:
    """List everything."""
    assert "greet" in {tool.name for tool in (await client.list_tools()).tools}
    assert len((await client.list_prompts()).prompts) > 3
    assert len((await client.list_resources()).resources) == 2
    assert len((await client.list_resource_templates()).resource_templates) == 1


async def it_calls_a_tool(client: Client) -> None:
    """Call one that answers at once."""
    assert told(await client.call_tool("greet", {"name": "World"})) == "Hello, World!"


async def a_tool_that_fails_is_a_result(client: Client) -> None:
    """Call one that fails."""
    assert (await client.call_tool("test_error_handling", {})).is_error


async def it_reads_prompts_and_resources(client: Client) -> None:
    """Read what is declared, and what isn't there."""
    prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
    assert "arg1='a'" in str(prompt.messages[0].content)
    read = await client.read_resource("test://template/7/data")
    assert '"id": "7"' in str(read.contents[0])


async def it_is_told_of_progress(client: Client) -> None:
    """Call with a token for progress."""
    seen: list[float] = []

    async def progressed(progress: float, _total: float | None, _message: str | None) -> None:
        seen.append(progress)

    await client.call_tool("test_tool_with_progress", {}, progress_callback=progressed)
    assert seen == [0, 50, 100], seen


async def it_answers_what_the_agent_asks(client: Client) -> None:
    """Call one that asks, and one that asks twice."""
    assert "Ann" in told(await client.call_tool("test_input_required_result_elicitation", {}))


async def a_task_is_followed_to_its_end(client: Client) -> None:
    """Call one that takes a second."""
    assert told(await client.call_tool("slow_compute", {"seconds": 1, "label": "x"})) == "Computed x."


async def a_task_that_asks_is_answered(client: Client) -> None:
    """Call one that asks when nobody is connected."""
    assert "accept" in told(await client.call_tool("confirm_delete", {"filename": "a"}))


async def whoever_leaves_has_cancelled(client: Client) -> None:
    """Leave while the agent is at work."""
    with suppress(TimeoutError):
        await asyncio.wait_for(client.call_tool("slow_compute", {"seconds": 60, "label": "left"}), 2)
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        for _ in range(100):
            [run] = (await http.get(f"{URL.removesuffix('/mcp')}/runs?limit=1")).json()["items"]
            if run["status"] == "cancelled":
                return
            await asyncio.sleep(0.2)
    raise AssertionError(f"its run is {run['status']}")


PLAIN = (
    it_finds_out_what_there_is,
    it_calls_a_tool,
    a_tool_that_fails_is_a_result,
    it_reads_prompts_and_resources,
    it_is_told_of_progress,
    it_answers_what_the_agent_asks,
    whoever_leaves_has_cancelled,
)
WITH_TASKS = (a_task_is_followed_to_its_end, a_task_that_asks_is_answered)


async def is_refused(token: str) -> None:
    """See that a client with this token gets nothing."""
    try:
        async with connected(token) as client:
            await client.list_tools()
    except BaseException:  # noqa: BLE001 - whatever a client makes of a 401 or a 404
        return
    raise AssertionError("it was let in")


async def main() -> None:
    """Check one thing after the other."""
    token = os.environ["TOKEN"]
    async with connected(token, elicitation_callback=elicit) as client:
        for each in PLAIN:
            with checked(each.__name__):
                await asyncio.wait_for(each(client), SECONDS)
    async with connected(token, elicitation_callback=elicit, extensions=[Tasks()]) as client:
        for each in WITH_TASKS:
            with checked(each.__name__):
                await asyncio.wait_for(each(client), SECONDS)
    for name, other in (("somebody else is not let in", os.environ["OTHER"]), ("nobody is let in without a token", "")):
        with checked(name):
            await asyncio.wait_for(is_refused(other), SECONDS)


if __name__ == "__main__":
    asyncio.run(main())
