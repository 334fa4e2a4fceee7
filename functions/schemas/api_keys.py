"""What endpoints say about API keys."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from core.ids import pattern
from functions.schemas.base import LINE, Reply

ApiKeyId = Annotated[str, Field(pattern=pattern("key"), examples=["key_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]

ApiKeyName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=LINE, description="Your word for it.", examples=["Nightly build"])
]

Scope = Literal["user", "admin", "broker", "catalog"]
"""Those with which a program may do something; what the others are for takes a person."""


class ApiKey(Reply):
    """An API key that wasn't revoked, without its text, which nobody has but you."""

    id: ApiKeyId
    name: ApiKeyName
    scopes: Annotated[list[str], Field(examples=[["user"]])]
    created_at: datetime
    expires_at: Annotated[datetime, Field(description="From when on it is good for nothing.")]
    last_used_at: Annotated[
        datetime | None, Field(description="When it was last used, to the minute; null if it never was.")
    ]
