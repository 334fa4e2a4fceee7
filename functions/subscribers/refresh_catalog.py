"""com.botberi.agent.created.v1 and all that changes the catalog: forget the answers that were kept of it."""

from events.catalog.agents import (
    AgentChanged,
    AgentCreated,
    ChannelMoved,
    VersionDeprecated,
    VersionPublished,
    VersionRestored,
    VersionYanked,
)
from functions.runtime.providers.cache import Cache
from functions.runtime.subscriber import subscriber

Change = (
    AgentCreated | AgentChanged | VersionPublished | VersionDeprecated | VersionYanked | VersionRestored | ChannelMoved
)


@subscriber
def refresh_catalog(_event: Change, cache: Cache) -> None:
    """Forget them all: the next reader builds them anew."""
    cache.forget("catalog")
