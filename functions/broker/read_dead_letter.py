"""GET /v1/dead-letters/{dead_letter_id}: a dead letter or parked event whole; free text in the data is masked."""

from typing import Annotated

from pydantic import Field

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path import dead_letters
from functions.domain.event_path.dead_letters import DeadLetterNotFound
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerReader
from functions.schemas.dead_letters import DeadLetter, both


class WholeDeadLetter(DeadLetter):
    """A dead letter, its event included."""

    event: Annotated[dict[str, object] | None, Field(description="Null when what died is no event at all.")]


@endpoint("GET", "/v1/dead-letters/{dead_letter_id}", errors=(DeadLetterNotFound,), resources=SCALE_LIMITED)
def read_dead_letter(_caller: BrokerReader, dead_letter_id: str, user: UserDb, shared: SharedDb) -> WholeDeadLetter:
    """Ids, times and codes are shown; of other text only the length."""
    return WholeDeadLetter.model_validate(dead_letters.read(both(user, shared), dead_letter_id))
