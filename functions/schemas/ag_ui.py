"""AG-UI: the shape of a request. What it may have beyond this is ignored."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from functions.domain.ag_ui import asked
from functions.domain.ag_ui.beginning import Resumed, Wanted
from functions.domain.instances.contexts import Tool
from functions.schemas.base import Body

_OPEN: ConfigDict = ConfigDict(extra="ignore")

ClientId = Annotated[str, Field(min_length=1, max_length=200)]


class ClientTool(Body):
    """A tool of the client's that the agent may want called."""

    model_config = _OPEN

    name: Annotated[str, Field(min_length=1, max_length=256)]
    description: str = ""
    parameters: dict[str, JsonValue] | None = None


class ResumeEntry(Body):
    """An answer to an interrupt."""

    model_config = _OPEN

    interrupt_id: Annotated[str, Field(alias="interruptId", max_length=200)]
    status: Literal["resolved", "cancelled"]
    payload: JsonValue = None

    def resumed(self) -> Resumed:
        """Return the answer."""
        return Resumed(self.interrupt_id, self.status == "cancelled", self.payload)


class RunAgentInput(Body):
    """What to answer: AG-UI's input of a run."""

    model_config = _OPEN

    thread_id: Annotated[ClientId, Field(alias="threadId", description="The client's own: it is a conversation.")]
    run_id: Annotated[ClientId, Field(alias="runId", description="The client's own: asked twice, it is one run.")]
    messages: Annotated[
        list[dict[str, JsonValue]],
        Field(
            max_length=1000,
            description="The whole conversation. What the agent is told of it after the first run is what was kept.",
            examples=[[{"id": "1", "role": "user", "content": "Hello"}]],
        ),
    ]
    tools: Annotated[list[ClientTool] | None, Field(max_length=128)] = None
    context: Annotated[list[JsonValue] | None, Field(description="Passed on in the agent's `metadata`.")] = None
    state: Annotated[JsonValue, Field(description="Passed on in the agent's `metadata`.")] = None
    forwarded_props: Annotated[
        JsonValue, Field(alias="forwardedProps", description="Passed on in the agent's `metadata`.")
    ] = None
    resume: Annotated[list[ResumeEntry] | None, Field(max_length=100)] = None

    def wanted(self, *, reads_on: bool) -> Wanted:
        """Return what is asked for. Raises Invalid."""
        said = asked.said(self.messages)
        beside: dict[str, JsonValue] = {
            "instructions": "\n\n".join(said.instructions),
            "attachments": said.attachments,
            "context": self.context,
            "state": self.state,
            "forwarded_props": self.forwarded_props,
        }
        return Wanted(
            thread_id=self.thread_id,
            run_id=self.run_id,
            said=said,
            resumed=[each.resumed() for each in self.resume or []],
            tools=[
                Tool(name=each.name, description=each.description, parameters=each.parameters or {})
                for each in self.tools or []
            ],
            metadata={name: value for name, value in beside.items() if value},
            reads_on=reads_on,
        )
