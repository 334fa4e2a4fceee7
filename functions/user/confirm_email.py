"""POST /v1/auth/email/confirm: use a token of one of both mails by which an account gets another address."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import email_changes, one_time_tokens
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Body, Reply


class EmailConfirmation(Body):
    """The token of the mail to the new address, or of that to the present one."""

    token: Annotated[str, Field(min_length=1, max_length=one_time_tokens.MAX_LENGTH)]


class EmailConfirmed(Reply):
    """What has come of it."""

    changed: Annotated[
        bool, Field(description="Whether the account has the new address now; not before both tokens were used.")
    ]


@endpoint("POST", "/v1/auth/email/confirm", errors=(one_time_tokens.TokenExpiredOrUsed,))
def confirm_email(shown: EmailConfirmation, db: UserDb) -> EmailConfirmed:
    """Use the token up. With the second one, other sessions than the one that asked for it end."""
    return EmailConfirmed(changed=email_changes.confirm(db, shown.token))
