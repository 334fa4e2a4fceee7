"""GET /v1/instances/{instance_id}/.well-known/agent-card.json: the card once more."""

from functions.domain.databases import SharedDb
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.a2a import cards
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.a2a import AgentCard
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "GET",
    "/v1/instances/{instance_id}/.well-known/agent-card.json",
    errors=(InstanceNotFound,),
    resources=cards.RESOURCES,
)
def read_agent_card(caller: User | None, instance_id: InstanceId, db: SharedDb) -> AgentCard:
    """Return its A2A card to its owner, and to anybody if it is `discoverable`: then no token is asked for."""
    return cards.read(db, instance_id, caller)
