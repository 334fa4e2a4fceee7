"""Cards as the endpoints answer with them: signed, and for those who may read them."""

from typing import Final

from events import envelope
from functions.domain.a2a import card_keys, cards
from functions.domain.api_errors import Unauthenticated
from functions.domain.databases import SharedDb
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.declarations import Resources
from functions.runtime.providers.callers import User
from functions.schemas.a2a import AgentCard

RESOURCES: Final = Resources(secrets=(card_keys.NAME,), settings=("API_URL",))


def read(db: SharedDb, instance_id: str, caller: User | None) -> AgentCard:
    """Return the card of an instance to its owner, and to anybody if it is discoverable.

    Raises InstanceNotFound, and Unauthenticated for who shows no token: so they aren't told what there is.
    """
    api = envelope.api()
    try:
        card = cards.of_instance(db, instance_id, None if caller is None else caller.id, api)
    except InstanceNotFound:
        if caller is None:
            raise Unauthenticated from None
        raise
    return AgentCard.model_validate(card_keys.signed(card, api))
