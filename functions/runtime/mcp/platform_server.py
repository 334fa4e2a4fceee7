"""The platform as a server of MCP: browse agents, launch instances, talk to them, and see why they are as they are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from functions.domain.api_errors import ApiError, TooMany, Unavailable
from functions.domain.mcp import offers, results
from functions.domain.mcp.calls import Call
from functions.domain.mcp.errors import INVALID_PARAMS, McpError
from functions.runtime.declarations import Later
from functions.runtime.mcp.listening import Listening
from functions.runtime.mcp.platform_tools import SAY, TOOLS, Platform
from functions.runtime.mcp.running import Runs
from functions.runtime.mcp.serving import Method, discovered, no_pages, task_methods

Object = dict[str, JsonValue]

VERSION: Final = "1"

_INSTRUCTIONS: Final = (
    "Botberi runs agents. browse_agents tells which there are; launch_instance makes one yours; say talks to it, when "
    "its status is running; explain_instance tells why it isn't."
)


@dataclass(frozen=True)
class PlatformServer:
    """A server for everything of a caller's."""

    runs: Runs
    headers: Mapping[str, str]

    def methods(self) -> Mapping[str, Method]:
        """Return what it does, by the names of MCP's methods."""
        return {
            "server/discover": _discover,
            "tools/list": _list_tools,
            "tools/call": self._call_tool,
            "subscriptions/listen": lambda call: Listening(call, self.runs).stream(),
            **task_methods(self.runs),
        }

    def _call_tool(self, call: Call) -> Object | Later:
        name, arguments = call.text("name"), call.object("arguments")
        tool = next((each for each in TOOLS if each.name == name), None)
        if tool is None:
            raise McpError(INVALID_PARAMS, "There is no tool of this name.", {"name": name})
        if tool is SAY and "requestState" in call.params:
            return self.runs.go_on(call, call.text("requestState"), results.of_tool)
        wrong = tool.errors(arguments)
        if wrong:
            return results.failed(f"The arguments don't fit: {'; '.join(wrong)}")
        try:
            if tool is SAY:
                return self._say(call, arguments)
            return _told(Platform(self.runs.caller, self.runs.transactions).tools[name](arguments))
        except (TooMany, Unavailable):
            # The client is to come again.
            raise
        except ApiError as api_error:
            return _refused(api_error)

    def _say(self, call: Call, arguments: Object) -> Object | Later:
        asked = offers.spoken(arguments, key=self.headers.get("idempotency-key"))
        return self.runs.begin(call, str(arguments["instance"]), asked, results.of_tool, task=SAY.task)


def _discover(_call: Call) -> Object:
    return discovered("Botberi", VERSION, _INSTRUCTIONS, {"tools": {}, "logging": {}})


def _list_tools(call: Call) -> Object:
    no_pages(call)
    return results.listed({"tools": [offers.shown_tool(each) for each in TOOLS]})


def _told(value: Object) -> Object:
    text = json.dumps(value, ensure_ascii=False)
    return results.complete({"content": [{"type": "text", "text": text}], "structuredContent": value, "isError": False})


def _refused(api_error: ApiError) -> Object:
    wrong = [f"{each.pointer}: {each.message}" for each in api_error.errors]
    return results.failed("\n".join([api_error.detail, *wrong]))
