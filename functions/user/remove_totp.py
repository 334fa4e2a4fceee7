"""DELETE /v1/me/mfa/totp: have log-ins need the password alone."""

from functions.domain.accounts import factors
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import RecentAal2User


@endpoint("DELETE", "/v1/me/mfa/totp", status=204, errors=(factors.TotpNotFound,))
def remove_totp(caller: RecentAal2User, db: UserDb) -> None:
    """Forget the app's secret and the recovery codes, and end the caller's other sessions."""
    factors.remove(db, caller.id, caller.session_id)
