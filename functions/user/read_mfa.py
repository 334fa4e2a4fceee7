"""GET /v1/me/mfa: what second factors the caller has."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import factors
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn
from functions.schemas.base import Reply


class Mfa(Reply):
    """Second factors: with one of any kind, the password alone is not enough for a log-in."""

    totp: Annotated[bool, Field(description="Whether there is an app that makes codes.")]
    passkeys: Annotated[int, Field(description="How many passkeys there are.")]
    recovery_codes_left: int


@endpoint("GET", "/v1/me/mfa")
def read_mfa(caller: LoggedIn, db: UserDb) -> Mfa:
    """Read whether log-ins need a second factor."""
    return Mfa.model_validate(factors.of(db, caller.id))
