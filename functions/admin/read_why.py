"""GET /v1/admin/why/{id}: why something is as it is: what led to it, where it waits, what comes next, what to do."""

from typing import Annotated

from pydantic import Field

from functions.domain import verified_accounts
from functions.domain.databases import SharedDb, UserDb
from functions.domain.why import explaining
from functions.domain.why.findings import NothingKnown
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.dead_letters import both
from functions.schemas.why import Why


@endpoint(
    "GET",
    "/v1/admin/why/{id}",
    errors=(NothingKnown,),
    resources=Resources(settings=(verified_accounts.SETTING,)),
)
def read_why(
    _caller: Support,
    id: Annotated[str, Field(pattern=explaining.PATTERN, examples=["run_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])],  # noqa: A002 - of anything
    user: UserDb,
    shared: SharedDb,
) -> Why:
    """Of an event, run, message, instance, version, account, session or dead letter, from rows and not from logs."""
    return Why.of(explaining.explain(both(user, shared), id))
