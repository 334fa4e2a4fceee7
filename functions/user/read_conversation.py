"""GET /v1/conversations/{conversation_id}: a conversation with one of the caller's instances."""

from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from functions.domain.runs.reading import ConversationNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.runs import Conversation, ConversationId


@endpoint("GET", "/v1/conversations/{conversation_id}", errors=(ConversationNotFound,))
def read_conversation(caller: User, conversation_id: ConversationId, db: SharedDb) -> Conversation:
    """Tell which instance it is with, and how many messages there were. `…/messages` has what was said."""
    return Conversation.model_validate(reading.conversation(db, conversation_id, owner_id=caller.id))
