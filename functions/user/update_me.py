"""PATCH /v1/me: say how you want to be called, and where and in which language you are."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import profiles
from functions.domain.accounts.profiles import AccountChangedMeanwhile, TimezoneUnknown
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import LoggedIn
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.base import LINE, Body
from functions.schemas.me import Me


class MyChanges(Body):
    """What to change (RFC 7396): what is left out stays as it is, and what is null goes."""

    name: Annotated[
        str | None, Field(min_length=1, max_length=profiles.MAX_NAME, pattern=LINE, examples=["Ann Example"])
    ] = None
    locale: Annotated[
        str | None,
        Field(
            max_length=profiles.MAX_LOCALE,
            pattern=profiles.LOCALE,
            description="A tag of BCP 47.",
            examples=["de-AT"],
        ),
    ] = None
    timezone: Annotated[
        str | None,
        Field(
            max_length=profiles.MAX_TIMEZONE,
            pattern=profiles.TIMEZONE,
            description="A name of IANA's database.",
            examples=["Europe/Vienna"],
        ),
    ] = None


@endpoint("PATCH", "/v1/me", errors=(AccountChangedMeanwhile, TimezoneUnknown))
def update_me(caller: LoggedIn, etags: IfMatch, changes: MyChanges, audit: Audit, db: UserDb) -> Me:
    """Change what is given."""
    audit.was(Me.model_validate(profiles.find(db, caller.id)))
    return Me.model_validate(profiles.change(db, caller.id, etags, changes.model_dump(exclude_unset=True)))
