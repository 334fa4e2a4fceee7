"""GET /v1/conversations/{conversation_id}/messages: what was said in a conversation and by whom, newest first."""

from functions.domain.api_errors import BAD_CURSOR, Invalid
from functions.domain.databases import SharedDb
from functions.domain.runs import messages, reading
from functions.domain.runs.reading import ConversationNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Page, PageQuery
from functions.schemas.runs import ConversationId, ConversationMessage


@endpoint("GET", "/v1/conversations/{conversation_id}/messages", errors=(ConversationNotFound,))
def list_conversation_messages(
    caller: User, conversation_id: ConversationId, query: PageQuery, db: SharedDb
) -> Page[ConversationMessage]:
    """Read one page of it. What an agent has asked before it went on, and the answers, stand before its reply."""
    cursor = query.after()
    before = None if cursor is None else messages.key_of(cursor)
    if cursor is not None and before is None:
        raise Invalid(errors=[BAD_CURSOR])
    conversation = reading.conversation(db, conversation_id, owner_id=caller.id)
    said = messages.newest(db, conversation.id, before=before, limit=query.limit + 1)
    return query.page(said, ConversationMessage, key="key")
