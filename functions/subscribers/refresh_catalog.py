"""com.botberi.agent.created.v1 and all that changes the catalog: forget the answers that were kept of it."""

from events.catalog.agents import AgentChanged, AgentCreated, VersionPublished
from functions.runtime.cache import Cache
from functions.runtime.declarations import Needs
from functions.runtime.subscriber import subscriber


@subscriber(needs=Needs(group="function-cache"))
def refresh_catalog(_event: AgentCreated | AgentChanged | VersionPublished, cache: Cache) -> None:
    """Forget them all: the next reader builds them anew."""
    cache.forget("catalog")
