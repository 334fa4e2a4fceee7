"""Open Responses: the shapes of requests. What they may have beyond this has no bearing on an agent, and is ignored."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, JsonValue

from functions.domain.instances.contexts import Tool
from functions.domain.open_responses import asked
from functions.domain.open_responses.creating import Wanted
from functions.schemas.base import Body, Query

_OPEN: Final = ConfigDict(extra="ignore")

Name = Annotated[str, Field(min_length=1, max_length=256)]


class FunctionTool(Body):
    """A function of the client's that the agent may want called."""

    model_config = _OPEN

    type: Literal["function"]
    name: Name
    description: str | None = None
    parameters: Annotated[
        dict[str, JsonValue] | None, Field(description="A JSON Schema of its arguments, passed on as it is.")
    ] = None
    strict: bool | None = None


class ResponseRequest(Body):
    """What to answer."""

    model_config = _OPEN

    input: Annotated[
        str | Annotated[list[dict[str, JsonValue]], Field(min_length=1, max_length=1000)],
        Field(
            description="The user's message, or a list of items: earlier messages, the new one, or what functions "
            "have returned.",
            examples=["Hello"],
        ),
    ]
    model: Annotated[
        str | None, Field(max_length=256, description="Any: the instance decides. The response repeats it.")
    ] = None
    instructions: Annotated[str | None, Field(description="Passed on in the agent's `metadata`.")] = None
    previous_response_id: Annotated[str | None, Field(max_length=256, description="The response to go on from.")] = None
    stream: Annotated[bool | None, Field(description="Whether to answer by events as they happen.")] = None
    background: Annotated[bool | None, Field(description="Whether to answer at once, before anything is done.")] = None
    tools: Annotated[list[FunctionTool] | None, Field(max_length=128)] = None
    tool_choice: Annotated[
        Literal["none", "auto", "required"] | dict[str, JsonValue] | None,
        Field(description="Passed on in the agent's `metadata`, unless it is `auto`."),
    ] = None
    metadata: Annotated[
        dict[str, str] | None, Field(max_length=16, description="Passed on to the agent; the response repeats it.")
    ] = None
    text: Annotated[
        dict[str, JsonValue] | None,
        Field(description="`format` is passed on in the agent's `metadata`, unless it is that of plain text."),
    ] = None

    def wanted(self, *, model: str) -> Wanted:
        """Return what is asked for; `model` is the name of what answers. Raises Invalid."""
        said = asked.said(self.input, self.instructions)
        tools = self.tools or []
        repeated: dict[str, JsonValue] = {
            "model": self.model or model,
            "instructions": self.instructions,
            "tools": [each.model_dump(mode="json") for each in tools],
            "tool_choice": self.tool_choice or "auto",
            "background": bool(self.background),
            "metadata": dict(self.metadata or {}),
            "previous_response_id": self.previous_response_id,
        }
        return Wanted(
            said=said,
            tools=[
                Tool(name=each.name, description=each.description or "", parameters=each.parameters or {})
                for each in tools
            ],
            metadata={**(self.metadata or {}), **self._beside(said)},
            repeated=repeated,
            previous_id=self.previous_response_id,
        )

    def _beside(self, said: asked.Said) -> dict[str, JsonValue]:
        """Return what the agent is told beside the text, where there is any."""
        form = (self.text or {}).get("format")
        plain = not isinstance(form, dict) or form.get("type") == "text"
        told: dict[str, JsonValue] = {
            "instructions": "\n\n".join(said.instructions),
            "attachments": said.attachments,
            "tool_choice": None if self.tool_choice == "auto" else self.tool_choice,
            "text_format": None if plain else form,
        }
        return {name: value for name, value in told.items() if value}


class ResponseQuery(Query):
    """How to read a response."""

    model_config = _OPEN

    stream: Annotated[bool, Field(description="Whether to answer by its events, and by new ones as they happen.")] = (
        False
    )
    starting_after: Annotated[
        int | None, Field(ge=-1, le=2**53, description="Of a stream: the `sequence_number` of the last event known.")
    ] = None


class InputQuery(Query):
    """Which of a response's input items."""

    model_config = _OPEN

    limit: Annotated[int, Field(ge=1, le=100, description="How many items to return.")] = 20
    order: Annotated[Literal["asc", "desc"], Field(description="`desc` has the last item first.")] = "desc"
    after: Annotated[str | None, Field(max_length=256, description="The id of the last item known.")] = None
