"""GET /v1/instances/{instance_id}/conversations: the conversations with an instance, newest first."""

from functions.domain.databases import SharedDb
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import reading
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Page, PageQuery
from functions.schemas.instance_ids import InstanceId
from functions.schemas.runs import Conversation


@endpoint("GET", "/v1/instances/{instance_id}/conversations", errors=(InstanceNotFound,))
def list_instance_conversations(
    caller: User, instance_id: InstanceId, query: PageQuery, db: SharedDb
) -> Page[Conversation]:
    """Read one page of them. Of an instance that is deleted nothing is shown."""
    reading.check_instance(db, instance_id, owner_id=caller.id)
    rows = reading.conversations_of(db, instance_id, before=query.after(), limit=query.limit + 1)
    return query.page(rows, Conversation)
