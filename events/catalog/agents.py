"""Events about the catalog of agents, from shared_psql."""

from events.event import Event


class AgentCreated(Event, type="com.botberi.agent.created.v1", subject="agent_id"):
    """An administrator added an agent to the catalog."""

    agent_id: str
    slug: str


class AgentChanged(Event, type="com.botberi.agent.changed.v1", subject="agent_id"):
    """An administrator changed what the catalog says of an agent."""

    agent_id: str
    slug: str
    fields: list[str]
    """The names of what changed, sorted."""


class VersionPublished(Event, type="com.botberi.version.published.v1", subject="agent_id"):
    """An administrator published an immutable version of an agent, and the channels named now point at it."""

    agent_id: str
    version_id: str
    slug: str
    number: str
    channels: list[str]
