"""DELETE /v1/me: leave, and have everything that is known of you deleted after a while."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.accounts import accounts, administration, deletion, factors
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.schemas.base import Reply


class Deleted(Reply):
    """What becomes of the account."""

    purge_at: Annotated[
        datetime,
        Field(description="When all of it is purged. Until then `POST /v1/auth/restore` brings the account back."),
    ]


@endpoint(
    "DELETE",
    "/v1/me",
    status=202,
    errors=(accounts.AccountSuspended, accounts.AccountDeleted, administration.LastAdministrator, InsufficientAal),
    resources=Resources(settings=(deletion.SETTING,)),
)
def delete_me(caller: RecentUser, db: UserDb) -> Deleted:
    """End your sessions and API keys, and stop your instances; with a second factor, if your account has one."""
    caller.have_proved_what_there_is(factors.are_needed(db, caller.id))
    return Deleted(purge_at=deletion.delete(db, caller.id))
