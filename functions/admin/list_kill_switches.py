"""GET /v1/admin/kill-switches: what is not to run, newest first."""

from typing import Annotated

from pydantic import Field

from functions.domain.databases import SharedDb
from functions.domain.instances import kill_switches
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.base import Page, PageQuery
from functions.schemas.kill_switches import KillSwitch


class KillSwitchQuery(PageQuery):
    """Which switches, and which page of them."""

    engaged: Annotated[
        bool | None, Field(description="Only those that are engaged, or only those that aren't. Without it, all.")
    ] = None


@endpoint("GET", "/v1/admin/kill-switches")
def list_kill_switches(_caller: Support, query: KillSwitchQuery, db: SharedDb) -> Page[KillSwitch]:
    """Read one page of them."""
    rows = kill_switches.search(db, engaged=query.engaged, after=query.after(), limit=query.limit + 1)
    return query.page(rows, KillSwitch)
