"""Shapes of A2A that are answered as replies of our own are: with an ETag, and for who asks without knowing A2A."""

import hashlib
from typing import ClassVar

from pydantic import ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

from functions.schemas.base import Reply

Json = dict[str, JsonValue]


class AgentCard(Reply):
    """What an instance is, for clients of A2A 1.0."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)

    cache_control: ClassVar[str] = "private, max-age=60"

    name: str
    description: str
    version: str
    supported_interfaces: list[Json]
    capabilities: Json
    default_input_modes: list[str]
    default_output_modes: list[str]
    skills: list[Json]
    security_schemes: Json
    security_requirements: list[Json]
    signatures: list[Json]

    def etag(self) -> str:
        """Return a hash of the card."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]
