"""What an instance offers to clients of MCP: tools, prompts and resources, from what its version declares."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import JsonValue
from sqlalchemy import select

from functions.domain.catalog import interfaces
from functions.domain.catalog.interfaces import Interface, Prompt, Resource, Skill, Tool
from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.domain.mcp import changes, results
from functions.domain.mcp.errors import INVALID_PARAMS, McpError
from functions.domain.runs.accepting import Asked
from shared_psql_models.agents import agent_versions, agents

Object = dict[str, JsonValue]
Item = TypeVar("Item", Tool, Prompt)

SAY: Final = "say"
"""The tool of those that declare none."""

_NAMES: Final = re.compile(r"{([A-Za-z0-9_.-]{1,128})}")

WORDS: Final[dict[str, Object]] = {
    "text": {"type": "string", "minLength": 1, "description": "What to say."},
    "conversation": {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "description": "A name of your choice: what is said by the same name is one conversation.",
    },
}
"""The schemas of the arguments that `spoken` reads."""

_SPOKEN: Final[Object] = {
    "type": "object",
    "properties": {**WORDS},
    "required": ["text"],
    "additionalProperties": False,
}
"""The arguments of what is asked for in words."""


@dataclass(frozen=True)
class Offer:
    """What an instance offers."""

    name: str
    """The instance's."""
    version: str
    summary: str
    """What the catalog says of its agent."""
    interface: Interface

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Its tools: those that it declares and one for each skill, else one to say something by."""
        found = (*self.interface.tools, *map(_of_skill, self.interface.skills))
        return found or (_spoken(SAY, self.name, f"Says something to {self.name}. {self.summary}"),)

    def tool(self, name: str) -> Tool:
        """Return a tool. Raises McpError."""
        return _named(name, self.tools, "tool")

    def prompt(self, name: str) -> Prompt:
        """Return a prompt. Raises McpError."""
        return _named(name, self.interface.prompts, "prompt")

    def resource(self, uri: str) -> tuple[Resource, dict[str, str]]:
        """Return the resource at an address, and what the names in its template stand for. Raises McpError."""
        for each in self.interface.resources:
            values = each.values(uri)
            if values is not None:
                return each, values
        raise McpError(INVALID_PARAMS, "There is no such resource.", {"uri": uri})

    def is_spoken(self, tool: Tool) -> bool:
        """Return whether a tool is asked in words."""
        return tool not in self.interface.tools


def of_instance(db: SharedDb, instance_id: str, owner_id: str) -> Offer:
    """Return what an owner's instance offers: what serves now, or first will. Raises InstanceNotFound."""
    instance = reading.find(db, instance_id, owner_id=owner_id)
    version_id = changes.serving(db, instance_id) or instance.version_id
    query = select(agent_versions.c.number, agent_versions.c.interface, agents.c.summary)
    row = db.execute(query.join(agents).where(agent_versions.c.id == version_id)).one()
    return Offer(instance.name, row.number, row.summary, interfaces.of(row.interface))


def _spoken(name: str, title: str, description: str) -> Tool:
    return Tool(name=name, title=title, description=description[:4000], input_schema=_SPOKEN)


def _of_skill(skill: Skill) -> Tool:
    examples = "".join(f"\nFor example: {each}" for each in skill.examples)
    return _spoken(skill.id, skill.name, skill.description + examples)


def _named(name: str, found: Sequence[Item], kind: str) -> Item:
    for each in found:
        if each.name == name:
            return each
    raise McpError(INVALID_PARAMS, f"There is no {kind} of this name.", {"name": name})


def asked(offer: Offer, tool: Tool, arguments: Object, answers: Object) -> Asked:
    """Return what an agent is asked by a call of a tool; `answers` are those to what the tool asks first."""
    if offer.is_spoken(tool):
        return spoken(arguments, skill=None if tool.name == SAY else tool.name)
    call: Object = {"tool": tool.name, "arguments": arguments}
    if answers:
        call["answers"] = answers
    return _called(f"{tool.name} {json.dumps(arguments, ensure_ascii=False)}", call)


def spoken(arguments: Object, *, skill: str | None = None, key: str | None = None) -> Asked:
    """Return what an agent is asked in words, perhaps with the key by which a client repeats itself."""
    conversation = arguments.get("conversation")
    return Asked(
        text=str(arguments["text"]),
        conversation_key=None if conversation is None else f"mcp:{conversation}",
        client_key=None if key is None else f"mcp:{key}",
        protocol="mcp",
        more={} if skill is None else {"metadata": {"call": {"skill": skill}}},
    )


def asked_for_prompt(prompt: Prompt, arguments: Object) -> Asked:
    """Return what an agent is asked that writes a prompt."""
    return _called(f"{prompt.name} {json.dumps(arguments)}", {"prompt": prompt.name, "arguments": arguments})


def asked_for_resource(uri: str) -> Asked:
    """Return what an agent is asked whose resource is read."""
    return _called(uri, {"resource": uri})


def _called(text: str, call: Object) -> Asked:
    return Asked(text=text, protocol="mcp", more={"metadata": {"call": call}})


def shown_tool(tool: Tool) -> Object:
    """Return a tool as it is listed."""
    shown: Object = {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}
    if tool.title is not None:
        shown["title"] = tool.title
    if tool.output_schema is not None:
        shown["outputSchema"] = tool.output_schema
    return shown


def shown_prompt(prompt: Prompt) -> Object:
    """Return a prompt as it is listed."""
    arguments: list[JsonValue] = [each.model_dump() for each in prompt.arguments]
    shown: Object = {"name": prompt.name, "description": prompt.description, "arguments": arguments}
    return shown if prompt.title is None else shown | {"title": prompt.title}


def shown_resource(resource: Resource) -> Object:
    """Return a resource, or a template of many, as it is listed."""
    address: Object = {"uri": resource.uri} if resource.uri is not None else {"uriTemplate": resource.uri_template}
    shown = {**address, "name": resource.name, "description": resource.description, "mimeType": resource.mime_type}
    return shown if resource.title is None else shown | {"title": resource.title}


def check_prompt_arguments(prompt: Prompt, arguments: Object) -> dict[str, str]:
    """Return the arguments of a prompt, which are texts. Raises McpError."""
    known = {each.name for each in prompt.arguments}
    missing = [each.name for each in prompt.arguments if each.required and each.name not in arguments]
    if missing or not all(name in known and isinstance(each, str) for name, each in arguments.items()):
        wanted = ", ".join(each.name for each in prompt.arguments) or "none"
        raise McpError(INVALID_PARAMS, f"The arguments of this prompt are texts: {wanted}; missing: {missing}.")
    return {name: str(each) for name, each in arguments.items()}


def filled_prompt(prompt: Prompt, arguments: Mapping[str, str]) -> Object:
    """Return a prompt whose messages are declared."""
    values = {each.name: "" for each in prompt.arguments} | dict(arguments)
    messages: list[JsonValue] = [
        {"role": each.role, "content": _filled(each.content, values)} for each in prompt.messages or ()
    ]
    return results.complete({"description": prompt.description, "messages": messages})


def read_resource(resource: Resource, uri: str, values: Mapping[str, str]) -> Object:
    """Return a resource whose contents are declared."""
    text = resource.text
    held: Object = {"blob": resource.blob} if text is None else {"text": _filled(text, values)}
    contents: list[JsonValue] = [{"uri": uri, "mimeType": resource.mime_type, **held}]
    return results.listed({"contents": contents})


def _filled(value: JsonValue, values: Mapping[str, str]) -> JsonValue:
    """Return a value in whose texts names stand no longer for themselves. What is put in isn't looked at again."""
    if isinstance(value, str):
        return "".join(
            values.get(part, f"{{{part}}}") if odd % 2 else part for odd, part in enumerate(_NAMES.split(value))
        )
    if isinstance(value, dict):
        return {name: _filled(each, values) for name, each in value.items()}
    return [_filled(each, values) for each in value] if isinstance(value, list) else value
