"""What waits for a second administrator, as it is shown."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from core.ids import pattern
from functions.schemas.base import Reply

ApprovalId = Annotated[str, Field(pattern=pattern("apr"), examples=["apr_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]


class Approval(Reply):
    """What one of the staff has asked for, and what another has decided."""

    id: ApprovalId
    action: Annotated[
        str, Field(description="The name of the endpoint that was asked.", examples=["force_delete_instance"])
    ]
    arguments: Annotated[dict[str, JsonValue], Field(description="What it was asked for.")]
    target: Annotated[str, Field(description="What it is about.", examples=["ins_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]
    reason: Annotated[str, Field(description="Why, in the words of whoever has asked.")]
    requested_by: str
    requested_at: datetime
    expires_at: Annotated[datetime, Field(description="Until when it can be approved.")]
    decision: Annotated[
        Literal["approved", "rejected"] | None, Field(description="Null as long as it waits. What is approved is done.")
    ]
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: Annotated[str | None, Field(description="Why, in the words of whoever has decided.")]


class ApprovalNeeded(Approval):
    """Nothing is done yet: another administrator has to approve it."""

    http_status: ClassVar[int | None] = 202
