"""Interfaces: what a version offers to clients of protocols, as data: skills, tools, prompts and resources.

A version without one is spoken to. A call of a tool becomes a run of its own: the agent finds it in the request's
`metadata` as `{"call": {"tool": …, "arguments": …}}`. Prompts and resources that have their contents here are answered
without the agent.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator

from functions.domain import json_schemas
from functions.domain.api_errors import FieldError, Invalid
from functions.domain.json_schemas import pointer

MAX_BYTES: Final = 256 * 1024
"""The most that an interface may have, as JSON in UTF-8."""

MAX_ITEMS: Final = 128
"""Skills, tools, prompts or resources, at most so many of each."""

MAX_RETRIES: Final = 10

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$", examples=["convert"])]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(min_length=1, max_length=4000)]
Uri = Annotated[str, Field(min_length=3, max_length=2000, pattern=r"^[a-zA-Z][a-zA-Z0-9+.-]*:[^\s\x00-\x1f]+$")]
MediaType = Annotated[str, Field(max_length=100, pattern=r"^[\w.+-]+/[\w.+-]+$")]
Object = dict[str, JsonValue]


class InterfaceInvalid(Invalid):
    """The interface isn't of the form that clients can be told: `errors` says where and why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Skill(_Part):
    """Something that the agent can do, and is asked for in words."""

    id: Identifier
    name: Line
    description: Words
    tags: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    examples: Annotated[tuple[Words, ...], Field(max_length=20)] = ()


class Tool(_Part):
    """Something that the agent does when it is called with arguments."""

    name: Identifier
    title: Line | None = None
    description: Words
    input_schema: Object
    """JSON Schema of the arguments, an object."""
    output_schema: Object | None = None
    """JSON Schema of the data that a call results in."""
    task: Literal["never", "optional", "required"] = "optional"
    """Whether a call may outlive the connection by which it was made, or has to be able to."""
    requires: Annotated[tuple[Literal["elicitation", "sampling", "roots"], ...], Field(max_length=3)] = ()
    """What a client has to be able to do, without which the tool isn't called."""
    asks: Annotated[dict[Identifier, Object], Field(max_length=20)] = Field(default_factory=dict)
    """What the client is asked before the agent is called, by name: each `{"method", "params"}`."""

    @field_validator("input_schema")
    @classmethod
    def _is_of_object(cls, schema: Object) -> Object:
        if schema.get("type") != "object":
            raise ValueError("arguments are an object: the schema has the type 'object' at the top")
        return schema

    def errors(self, arguments: Object) -> list[str]:
        """Return what is wrong with arguments, a sentence each."""
        found = json_schemas.validator(without_anchors(self.input_schema)).iter_errors(arguments)
        return [f"{pointer(each.instance_path) or 'arguments'}: {each.message}" for each in list(found)[:20]]


class Argument(_Part):
    """An argument of a prompt."""

    name: Identifier
    description: Words
    required: bool = False


class PromptMessage(_Part):
    """A message of a prompt; `{name}` in its texts stands for the argument of that name."""

    role: Literal["user", "assistant"]
    content: Object


class Prompt(_Part):
    """Words with which a person may begin, perhaps with arguments."""

    name: Identifier
    title: Line | None = None
    description: Words
    arguments: Annotated[tuple[Argument, ...], Field(max_length=20)] = ()
    messages: Annotated[tuple[PromptMessage, ...], Field(min_length=1, max_length=50)] | None = None
    """None for one that the agent writes when it is asked for."""


class Resource(_Part):
    """Something that can be read: with a `text` or `blob` from here, else from the agent."""

    uri: Uri | None = None
    uri_template: Uri | None = None
    """Of many: `{name}` in it, and in the text, stands for one segment of the address."""
    name: Line
    title: Line | None = None
    description: Words
    mime_type: MediaType = "text/plain"
    text: str | None = None
    blob: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")] = None
    """Base64."""

    @model_validator(mode="after")
    def _has_one_address(self) -> "Resource":
        if (self.uri is None) == (self.uri_template is None):
            raise ValueError("give either a uri or a uri_template")
        if self.text is not None and self.blob is not None:
            raise ValueError("give a text or a blob")
        return self

    def values(self, uri: str) -> dict[str, str] | None:
        """Return what the names in its template stand for in an address; None if the address isn't its."""
        if self.uri_template is None:
            return {} if uri == self.uri else None
        parts = re.split(r"{(\w+)}", self.uri_template)
        pattern = "".join(f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
        found = re.fullmatch(pattern, uri)
        return None if found is None else found.groupdict()


class Interface(_Part):
    """What a version offers to clients of protocols."""

    skills: Annotated[tuple[Skill, ...], Field(max_length=MAX_ITEMS)] = ()
    tools: Annotated[tuple[Tool, ...], Field(max_length=MAX_ITEMS)] = ()
    prompts: Annotated[tuple[Prompt, ...], Field(max_length=MAX_ITEMS)] = ()
    resources: Annotated[tuple[Resource, ...], Field(max_length=MAX_ITEMS)] = ()


def check(interface: Object) -> None:
    """Raise InterfaceInvalid for what is no interface, or more than may be."""
    if len(json.dumps(interface, ensure_ascii=False).encode()) > MAX_BYTES:
        raise InterfaceInvalid(errors=[_wrong((), f"It is larger than {MAX_BYTES} bytes.")])
    try:
        found = Interface.model_validate(interface)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [_wrong(each["loc"], each["msg"].removeprefix("Value error, ")) for each in details[:20]]
        raise InterfaceInvalid(errors=errors) from None
    errors = [*_repeated(found), *_schemas(found)]
    if errors:
        raise InterfaceInvalid(errors=errors)


def of(interface: Object) -> Interface:
    """Return an interface that was checked when it was published."""
    return Interface.model_validate(interface)


def without_anchors(schema: JsonValue) -> JsonValue:
    """Return a schema without names for its places: nothing refers to them in one that was checked."""
    if isinstance(schema, dict):
        kept = {
            name: each for name, each in schema.items() if not (name in {"$anchor", "$id"} and isinstance(each, str))
        }
        return {name: without_anchors(each) for name, each in kept.items()}
    return [without_anchors(each) for each in schema] if isinstance(schema, list) else schema


def _wrong(place: Sequence[str | int], message: str) -> FieldError:
    return FieldError(pointer(["interface", *place]), "interface_invalid", message)


def _repeated(interface: Interface) -> Iterator[FieldError]:
    named = {
        "skills": [each.id for each in interface.skills],
        # A skill is called as a tool by clients that know no skills.
        "tools": [*(each.name for each in interface.tools), *(each.id for each in interface.skills)],
        "prompts": [each.name for each in interface.prompts],
        "resources": [str(each.uri or each.uri_template) for each in interface.resources],
    }
    for kind, names in named.items():
        for index, name in enumerate(names):
            if name in names[:index]:
                yield _wrong((kind,), f"{name!r} is there twice.")


def _schemas(interface: Interface) -> Iterator[FieldError]:
    # Only who publishes needs it.
    from functions.domain.catalog import config_schemas
    from functions.domain.catalog.config_schemas import ConfigSchemaInvalid

    for index, tool in enumerate(interface.tools):
        for name, schema in (("input_schema", tool.input_schema), ("output_schema", tool.output_schema)):
            bare = without_anchors(schema)
            if not isinstance(bare, dict):
                continue
            try:
                config_schemas.check_bounded(bare)
            except ConfigSchemaInvalid as error:
                [wrong] = error.errors
                place = wrong.pointer.removeprefix("/config_schema")
                yield FieldError(f"/interface/tools/{index}/{name}{place}", "interface_invalid", wrong.message)
