"""Event types as they are shown: the shape that several endpoints answer with."""

from typing import Annotated

from pydantic import Field

from functions.schemas.base import Reply


class EventType(Reply):
    """What can happen."""

    type: Annotated[str, Field(examples=["com.botberi.agent.created.v1"])]
    description: str
    source: Annotated[str, Field(description="Who says it; of a type that others publish, an example.")]
    scope: Annotated[str | None, Field(description="What whoever publishes it needs; null when Botberi alone says it.")]
    subject_field: Annotated[str, Field(description="The field of the data that the event is about.")]
    queues: Annotated[list[str], Field(description="Those of the subscribers that receive it.")]
    dataschema: Annotated[str, Field(description="Where the schema is, below the address of this API.")]
    data_schema: Annotated[dict[str, object], Field(description="JSON Schema 2020-12 of the data.")]
    example: Annotated[dict[str, object], Field(description="A whole event, in CloudEvents' structured JSON.")]
