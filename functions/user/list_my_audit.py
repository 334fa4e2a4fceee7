"""GET /v1/me/audit: what you did, and what was done to what is yours, newest first."""

from functions.domain.audit import receipts
from functions.domain.databases import SharedDb, UserDb
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.audit import AuditEntry
from functions.schemas.base import Page, PageQuery


@endpoint("GET", "/v1/me/audit", resources=SCALE_LIMITED)
def list_my_audit(caller: User, query: PageQuery, user: UserDb, shared: SharedDb) -> Page[AuditEntry]:
    """Of what others did, such as who works here, it says who, what and why, and not from where."""
    before, limit = query.after(), query.limit + 1
    found = [
        entry
        for database, db in (("user_psql", user), ("shared_psql", shared))
        for entry in receipts.about(db, database, caller.id, before=before, limit=limit)
    ]
    found.sort(key=lambda entry: entry.id, reverse=True)
    return query.page(found[:limit], AuditEntry)
