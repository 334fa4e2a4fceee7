"""What accounts may have and have: the shapes that several endpoints answer with."""

from typing import Annotated

from pydantic import Field

from functions.domain.instances.quotas import Quota
from functions.schemas.base import Reply


class Use(Reply):
    """How much of something an account has, and may have."""

    used: int
    limit: int


class Usage(Reply):
    """How much an account has, and may have."""

    usage: Annotated[dict[Quota, Use], Field(examples=[{"instances": {"used": 3, "limit": 50}}])]


class AccountLimits(Usage):
    """What an account may have, and has."""

    account_id: str
    limits: Annotated[dict[str, int], Field(description="Those of its own; otherwise the installation's hold.")]
    row_version: Annotated[int, Field(description="Counts their changes; also their ETag.")]

    def etag(self) -> str:
        """Return the count of their changes."""
        return str(self.row_version)
