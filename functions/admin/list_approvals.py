"""GET /v1/admin/approvals: what waits for a second administrator, or has been decided, newest first."""

from typing import Annotated

from pydantic import Field

from functions.domain.approvals import approvals
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Admin
from functions.schemas.approvals import Approval
from functions.schemas.base import Page, PageQuery


class ApprovalQuery(PageQuery):
    """Which of them, and which page."""

    waiting: Annotated[
        bool | None, Field(description="Only those that nobody has decided, or only others. Without it, all.")
    ] = None


@endpoint("GET", "/v1/admin/approvals")
def list_approvals(_caller: Admin, query: ApprovalQuery, db: SharedDb) -> Page[Approval]:
    """Read one page of them."""
    rows = approvals.search(db, waiting=query.waiting, after=query.after(), limit=query.limit + 1)
    return query.page(rows, Approval)
