"""GET /v1/admin/audit: what happened, newest first; `subject`, `actor` and `type` narrow it down."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain import audit
from functions.domain.databases import SharedDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Auditor
from functions.schemas.base import Page, PageQuery, Reply

Term = Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


class AuditQuery(PageQuery):
    """Which entries, and which page of them."""

    subject: Annotated[Term, Field(description="What it was about: an id.")] = None
    actor: Annotated[
        Term,
        Field(
            description="Who did it: an account's id, with or without `/` and an API key's, or `system`.",
            examples=["system"],
        ),
    ] = None
    type: Annotated[Term, Field(description="An event type.", examples=["com.botberi.version.published.v1"])] = None


class AuditEntry(Reply):
    """An event as it was recorded."""

    id: str
    source: str
    event_id: str
    type: str
    subject: str
    actor: str
    trace_id: str | None
    data: dict[str, object]
    happened_at: datetime
    recorded_at: datetime


@endpoint("GET", "/v1/admin/audit")
def list_audit(_caller: Auditor, query: AuditQuery, db: SharedDb) -> Page[AuditEntry]:
    """Every event of the platform is recorded, with who did it and the trace that it belongs to."""
    rows = audit.entries(
        db,
        subject=query.subject,
        actor=query.actor,
        type=query.type,
        after=query.after(),
        limit=query.limit + 1,
    )
    return query.page(rows, AuditEntry)
