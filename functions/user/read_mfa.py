"""GET /v1/me/mfa: what second factors the caller has."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import factors
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn
from functions.schemas.base import Reply


class Mfa(Reply):
    """Second factors."""

    totp: Annotated[bool, Field(description="Whether log-ins need a code of an app.")]
    recovery_codes_left: int


@endpoint("GET", "/v1/me/mfa")
def read_mfa(caller: LoggedIn, db: UserDb) -> Mfa:
    """Read whether log-ins need a second factor."""
    return Mfa.model_validate(factors.of(db, caller.id))
