"""GET /v1/admin/audit: who did what, newest first; `actor`, `action`, `target` and others narrow it down."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from functions.domain.audit import listing
from functions.domain.audit.entries import Origin, Outcome
from functions.domain.audit.listing import Filter
from functions.domain.databases import SharedDb, UserDb
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Auditor
from functions.schemas.audit import AuditEntry
from functions.schemas.base import Page, PageQuery

Term = Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


class AuditQuery(PageQuery):
    """Which entries, and which page of them."""

    actor: Annotated[
        Term,
        Field(
            description="Who did it: an account's id, with or without `/` and an API key's, `anonymous` or `system`.",
            examples=["system"],
        ),
    ] = None
    action: Annotated[
        Term,
        Field(description="A function's or command's name, or an event type.", examples=["suspend_account"]),
    ] = None
    target: Annotated[Term, Field(description="What it was done to: an id.")] = None
    origin: Annotated[Origin | None, Field(description="How it came to be known.")] = None
    outcome: Annotated[Outcome | None, Field(description="What came of it.")] = None
    since: Annotated[AwareDatetime | None, Field(alias="from", description="Not before this time.")] = None
    until: Annotated[AwareDatetime | None, Field(alias="to", description="Before this time.")] = None

    def wanted(self) -> Filter:
        """Return it as the domain is asked it."""
        return Filter(self.actor, self.target, self.action, self.origin, self.outcome, self.since, self.until)


@endpoint("GET", "/v1/admin/audit", resources=SCALE_LIMITED)
def list_audit(_caller: Auditor, query: AuditQuery, user: UserDb, shared: SharedDb) -> Page[AuditEntry]:
    """Whoever changes something, is refused, or is shown what is others', is in it, in the transaction that did it."""
    sources = (("user_psql", user), ("shared_psql", shared))
    before = query.after()
    found = [
        entry
        for database, db in sources
        for entry in listing.entries(db, database, query.wanted(), before=before, limit=query.limit + 1)
    ]
    found.sort(key=lambda entry: entry.id, reverse=True)
    return query.page(found[: query.limit + 1], AuditEntry)
