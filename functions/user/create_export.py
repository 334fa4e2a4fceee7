"""POST /v1/me/export: have everything that is known of you written down, to take it along."""

from functions.domain.accounts import exports, factors
from functions.domain.accounts.access_tokens import SECOND_FACTOR
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.schemas.exports import RequestedExport


@endpoint("POST", "/v1/me/export", status=202, errors=(exports.ExportUnderWay, exports.TooManyExports, InsufficientAal))
def create_export(caller: RecentUser, db: UserDb) -> RequestedExport:
    """Begin with it, with a second factor if your account has one; a mail tells when it is done."""
    if factors.are_needed(db, caller.id) and caller.authentication.aal < SECOND_FACTOR:
        raise InsufficientAal
    return RequestedExport.model_validate(exports.request(db, caller.id))
