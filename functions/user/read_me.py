"""GET /v1/me: the account of whoever asks."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.accounts import accounts
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Reply


class Me(Reply):
    """The caller's account."""

    id: str
    email: str
    email_verified: Annotated[bool, Field(description="Whether you have shown that mail to the address reaches you.")]
    scopes: tuple[str, ...]
    created_at: datetime


@endpoint("GET", "/v1/me")
def read_me(caller: User, db: UserDb) -> Me:
    """Return the caller's own account."""
    return Me.model_validate(accounts.find(db, caller.id))
