"""What every server of MCP does: find the method, tell of itself, and let tasks be read, answered and cancelled."""

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from functions.domain.mcp import results, tasks
from functions.domain.mcp.calls import TASKS, VERSION, Call
from functions.domain.mcp.errors import INVALID_PARAMS, METHOD_NOT_FOUND, McpError
from functions.runtime.declarations import Later
from functions.runtime.mcp.running import Runs

Object = dict[str, JsonValue]

Method = Callable[[Call], Object | Later]


def serve(methods: Mapping[str, Method], call: Call) -> Object | Later:
    """Return the result of a call, or what becomes it. Raises McpError."""
    method = methods.get(call.method)
    if method is None:
        raise McpError(METHOD_NOT_FOUND, f"There is no method {call.method[:100]!r} here.")
    return method(call)


def discovered(name: str, version: str, instructions: str, capabilities: Object) -> Object:
    """Return what a server tells of itself."""
    return results.listed(
        {
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": name, "version": version}},
            "supportedVersions": [VERSION],
            "capabilities": {**capabilities, "extensions": {TASKS: {}}},
            "instructions": instructions,
        }
    )


def no_pages(call: Call) -> None:
    """Raise McpError if a list is asked for from somewhere on: each is one page."""
    if call.params.get("cursor") is not None:
        raise McpError(INVALID_PARAMS, "This list is one page: leave cursor out.")


def task_methods(runs: Runs) -> dict[str, Method]:
    """Return the methods by which tasks are read, answered and cancelled."""

    def get(call: Call) -> Object:
        with runs.transactions.reading() as db:
            return tasks.get(db, call, runs.of)

    def supply(call: Call) -> Object:
        with runs.transactions() as db:
            return tasks.supply(db, call, runs.of)

    def cancel(call: Call) -> Object:
        with runs.transactions() as db:
            return tasks.cancel(db, call, runs.of)

    return {"tasks/get": get, "tasks/update": supply, "tasks/cancel": cancel}
