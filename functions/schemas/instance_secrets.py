"""Secrets of instances as they are shown, which is without their values."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.instances.configs import MAX_PLACE
from functions.schemas.base import Reply

SecretName = Annotated[str, Field(min_length=1, max_length=MAX_PLACE, examples=["api_key"])]


class InstanceSecret(Reply):
    """A secret of an instance. Nobody is shown its value."""

    name: Annotated[
        str,
        Field(description="The setting's; of one inside of others, a JSON Pointer to it without its first slash."),
    ]
    version: Annotated[int, Field(description="The generation of the instance that this value came with; its ETag.")]
    updated_at: datetime

    def etag(self) -> str:
        """Return the version."""
        return str(self.version)
