"""What endpoints say about sessions."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from core.ids import pattern
from functions.schemas.base import Reply

SessionId = Annotated[str, Field(pattern=pattern("ses"), examples=["ses_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]


class Session(Reply):
    """A log-in of the caller's that is still good."""

    id: SessionId
    current: Annotated[bool, Field(description="Whether this is the session that asks.")]
    device: Annotated[str, Field(description="What the program last called itself in `User-Agent`.")]
    network: Annotated[
        str,
        Field(
            description="The network of the newest log-in or refresh; empty where it isn't known.",
            examples=["203.0.113.0/24"],
        ),
    ]
    client_id: Annotated[
        str | None, Field(description="The address of the document of the program that has it by your consent.")
    ]
    client_name: Annotated[str | None, Field(description="What that program calls itself.")]
    resource: Annotated[str | None, Field(description="The one address at which that program may act for you.")]
    impersonator_id: Annotated[
        str | None,
        Field(description="The account of whoever helps people here and acts for you in it; null for your own."),
    ]
    impersonation_reason: Annotated[str | None, Field(description="Why they do, in their words.")]
    may_write: Annotated[
        bool | None, Field(description="Whether they may change anything; null for your own sessions.")
    ]
    created_at: datetime
    last_seen_at: Annotated[
        datetime, Field(validation_alias="refreshed_at", description="When it was opened or last refreshed.")
    ]
    expires_at: Annotated[datetime, Field(description="When it ends unless it is refreshed before.")]
