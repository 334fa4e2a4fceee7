"""Kill switches as they are shown."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from core.ids import pattern
from functions.domain.instances.kill_switches import Scope
from functions.schemas.base import Reply

KillSwitchId = Annotated[str, Field(pattern=pattern("kil"), examples=["kil_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]


class KillSwitch(Reply):
    """A kill switch."""

    id: str
    scope: Scope
    target: Annotated[str, Field(description="The account or the version; empty for everything.")]
    reason: Annotated[str, Field(description="Why, as those who are concerned may read.")]
    engaged_by: str
    engaged_at: datetime
    released_by: str | None
    released_at: Annotated[datetime | None, Field(description="Null as long as it is engaged.")]
