"""GET /v1/me/usage: how much the caller's account has, and how much it may have."""

from functions.domain.databases import SharedDb
from functions.domain.instances import quotas
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.usage import Usage


@endpoint("GET", "/v1/me/usage", resources=Resources(settings=quotas.SETTINGS))
def read_usage(caller: User, db: SharedDb) -> Usage:
    """Count every instance until its deletion is asked for, whatever it is doing."""
    return Usage.model_validate(quotas.of_account(db, caller.id))
