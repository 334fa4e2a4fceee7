"""What administrators are told of anybody's account, and say to it."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from functions.domain.accounts.accounts import Account
from functions.schemas.accounts import AccountId
from functions.schemas.base import Reply


class AnyAccount(Reply):
    """Somebody's account, without its secrets."""

    untold: ClassVar[frozenset[str]] = frozenset({"email"})

    id: AccountId
    email: Annotated[str, Field(examples=["ann@example.com"])]
    email_verified: Annotated[bool, Field(description="Whether mail to the address has been shown to arrive.")]
    scopes: Annotated[tuple[str, ...], Field(description="What it may do.", examples=[["user"]])]
    suspended: Annotated[bool, Field(description="Whether nobody can log in to it.")]
    purge_at: Annotated[
        datetime | None, Field(description="When it is purged, since its owner has deleted it; null unless they have.")
    ]
    created_at: datetime

    @classmethod
    def of(cls, account: Account) -> "AnyAccount":
        """Return it as it is shown."""
        return cls.model_validate(account)
