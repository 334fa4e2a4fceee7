"""POST /v1/auth/verify-email: show that mail to your address reaches you."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import one_time_tokens, verification
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Body


class Verification(Body):
    """The token of the newest mail."""

    token: Annotated[str, Field(min_length=1, max_length=one_time_tokens.MAX_LENGTH)]


@endpoint("POST", "/v1/auth/verify-email", status=204, errors=(one_time_tokens.TokenExpiredOrUsed,))
def verify_email(shown: Verification, db: UserDb) -> None:
    """Use the token up. It is good for a day, and once."""
    verification.verify(db, shown.token)
