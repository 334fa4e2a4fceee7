"""POST /v1/admin/accounts/{account_id}/impersonate: act for somebody for a while, to see what they see."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.domain.accounts import impersonation, keys
from functions.domain.accounts.accounts import AccountDeleted, AccountSuspended
from functions.domain.accounts.administration import AccountNotFound, OwnAccount
from functions.domain.accounts.impersonation import (
    LONGEST_MINUTES,
    Impersonator,
    StaffNotImpersonated,
    Wanted,
    WriteNeedsAdmin,
)
from functions.domain.accounts.sessions import SessionEnded
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.base import Reply
from functions.schemas.reasons import GivenReason
from functions.schemas.sessions import SessionId


class Impersonating(GivenReason):
    """For how long, and what for."""

    minutes: Annotated[int, Field(ge=1, le=LONGEST_MINUTES, description="After which it ends by itself.")] = 15
    write: Annotated[bool, Field(description="Whether anything may be changed, too: for administrators alone.")] = False


class ImpersonationToken(Reply):
    """The token with which to call the user API for somebody. It is told here and never again, and isn't refreshed."""

    session_id: Annotated[
        SessionId, Field(description="`DELETE /v1/admin/accounts/{account_id}/sessions/{session_id}` ends it.")
    ]
    access_token: Annotated[str, Field(description="Names both of you: whatever is done with it is in the trail so.")]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme of RFC 6750
    expires_at: datetime
    may_write: bool


@endpoint(
    "POST",
    "/v1/admin/accounts/{account_id}/impersonate",
    errors=(
        *(AccountNotFound, OwnAccount, StaffNotImpersonated, WriteNeedsAdmin),
        *(AccountSuspended, AccountDeleted, SessionEnded),
    ),
    resources=Resources(secrets=(keys.PRIVATE,)),
)
def impersonate_account(
    caller: Support, account_id: AccountId, asked: Impersonating, audit: Audit, db: UserDb
) -> ImpersonationToken:
    """Its owner is told at once, by mail too, and can end it. Their ways in stay theirs, whatever you may change."""
    impersonator = Impersonator(caller.id, caller.session_id, caller.scopes)
    wanted = Wanted(asked.reason, asked.minutes, asked.write)
    begun = impersonation.begin(db, impersonator, account_id, wanted)
    audit.about(begun.session_id)
    audit.changed(None, {"may_write": begun.may_write, "expires_at": begun.expires_at.isoformat()})
    return ImpersonationToken.model_validate(begun)
