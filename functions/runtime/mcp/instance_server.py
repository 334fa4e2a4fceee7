"""An instance as a server of MCP: what its version offers, answered by runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from pydantic import JsonValue

from functions.domain.api_errors import Conflict, Forbidden
from functions.domain.catalog.interfaces import Tool
from functions.domain.instances.contexts import MESSAGE_BYTES
from functions.domain.mcp import asking, calls, offers, results
from functions.domain.mcp.asking import Asked as AskedFirst
from functions.domain.mcp.calls import Call
from functions.domain.mcp.errors import INTERNAL, INVALID_PARAMS, McpError, lacking
from functions.domain.mcp.offers import Offer
from functions.domain.runs.accepting import Asked
from functions.runtime.declarations import Later
from functions.runtime.mcp.listening import Listening
from functions.runtime.mcp.running import Finish, Runs
from functions.runtime.mcp.serving import Method, discovered, no_pages, task_methods

Object = dict[str, JsonValue]


@dataclass(frozen=True)
class InstanceServer:
    """A server for one instance of the caller's."""

    runs: Runs
    instance_id: str
    offer: Offer
    headers: Mapping[str, str]

    def methods(self) -> Mapping[str, Method]:
        """Return what it does, by the names of MCP's methods."""
        return {
            "server/discover": self._discover,
            "tools/list": self._listed("tools", map(offers.shown_tool, self.offer.tools)),
            "tools/call": self._call_tool,
            "prompts/list": self._listed("prompts", map(offers.shown_prompt, self.offer.interface.prompts)),
            "prompts/get": self._get_prompt,
            "resources/list": self._resources("resources", templates=False),
            "resources/templates/list": self._resources("resourceTemplates", templates=True),
            "resources/read": self._read_resource,
            "completion/complete": _complete,
            "subscriptions/listen": lambda call: Listening(call, self.runs).stream(),
            **task_methods(self.runs),
        }

    def _discover(self, _call: Call) -> Object:
        capabilities: Object = {
            "tools": {"listChanged": True},
            "prompts": {"listChanged": True},
            "resources": {"listChanged": True},
            "completions": {},
            "logging": {},
        }
        return discovered(self.offer.name, self.offer.version, self.offer.summary, capabilities)

    def _listed(self, kind: str, items: "map[Object]") -> Method:
        def method(call: Call) -> Object:
            no_pages(call)
            return results.listed({kind: [*items]})

        return method

    def _resources(self, kind: str, *, templates: bool) -> Method:
        found = [each for each in self.offer.interface.resources if (each.uri is None) == templates]
        return self._listed(kind, map(offers.shown_resource, found))

    def _call_tool(self, call: Call) -> Object | Later:
        tool, arguments = self.offer.tool(call.text("name")), call.object("arguments")
        calls.check_arguments(tool.input_schema, arguments, self.headers)
        missing = [each for each in tool.requires if not call.can(each)]
        if missing:
            raise lacking(*missing)
        if "requestState" in call.params:
            return self.runs.go_on(call, call.text("requestState"), results.of_tool)
        wrong = tool.errors(arguments)
        if wrong:
            return results.failed(f"The arguments don't fit: {'; '.join(wrong)}")
        first = AskedFirst("", tool.asks, {}, own=True)
        answers = asking.responses(first, call.params.get("inputResponses"))
        if set(answers) < set(tool.asks):
            return _ask_first(call, first)
        try:
            return self._begin(call, offers.asked(self.offer, tool, arguments, answers), results.of_tool, tool)
        except (Conflict, Forbidden) as api_error:
            return results.failed(api_error.detail)

    def _begin(self, call: Call, asked: Asked, finish: Finish, tool: Tool | None = None) -> Object | Later:
        if len(asked.text.encode()) > MESSAGE_BYTES:
            raise McpError(INVALID_PARAMS, f"What is asked is longer than {MESSAGE_BYTES} bytes of UTF-8.")
        key = self.headers.get("idempotency-key")
        if key is not None:
            asked = replace(asked, client_key=f"mcp:{key}")
        return self.runs.begin(call, self.instance_id, asked, finish, task="never" if tool is None else tool.task)

    def _ask_agent(self, call: Call, asked: Asked, finish: Finish) -> Object | Later:
        if "requestState" in call.params:
            return self.runs.go_on(call, call.text("requestState"), finish)
        try:
            return self._begin(call, asked, finish)
        except (Conflict, Forbidden) as api_error:
            raise McpError(INTERNAL, api_error.detail, {"code": api_error.code}) from None

    def _get_prompt(self, call: Call) -> Object | Later:
        prompt, arguments = self.offer.prompt(call.text("name")), call.object("arguments")
        texts = offers.check_prompt_arguments(prompt, arguments)
        if prompt.messages is not None:
            return offers.filled_prompt(prompt, texts)
        asked = offers.asked_for_prompt(prompt, arguments)
        return self._ask_agent(call, asked, partial(results.of_prompt, prompt.description))

    def _read_resource(self, call: Call) -> Object | Later:
        uri = call.text("uri")
        resource, values = self.offer.resource(uri)
        if resource.text is not None or resource.blob is not None:
            return offers.read_resource(resource, uri, values)
        finish: Callable[[results.Outcome], Object] = partial(results.of_resource, uri, resource.mime_type)
        return self._ask_agent(call, offers.asked_for_resource(uri), finish)


def _ask_first(call: Call, first: AskedFirst) -> Object:
    """Return what a client is asked before the agent is. Raises McpError."""
    requests = first.open_to(call)
    if not requests:
        raise lacking(*first.lacks(call))
    return {"resultType": "input_required", "inputRequests": dict(requests)}


def _complete(call: Call) -> Object:
    """Return that nothing is known by which an argument could be completed. Raises McpError."""
    call.object("ref")
    return results.complete({"completion": {"values": [], "total": 0, "hasMore": False}})
