"""What agents remember for their instances, as their owners see it: the shapes that several endpoints have."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, JsonValue

from functions.domain.instances.memory import KEY, KEY_CHARACTERS
from functions.schemas.base import Reply

MemoryKey = Annotated[str, Field(min_length=1, max_length=KEY_CHARACTERS, pattern=KEY, examples=["favourite_colour"])]


class MemoryItem(Reply):
    """A key under which an agent remembers something."""

    key: MemoryKey
    bytes: Annotated[int, Field(description="What it counts: its key, its value as JSON, and 64 for itself.")]
    row_version: Annotated[int, Field(description="Counts its changes; also its ETag.")]
    created_at: datetime
    updated_at: datetime


class Memory(MemoryItem):
    """What an agent remembers under a key."""

    value: JsonValue

    def etag(self) -> str:
        """Return the count of its changes."""
        return str(self.row_version)
